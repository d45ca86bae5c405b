"""What the commands about webhooks print."""

import orjson

from muniment.domain.addresses import is_valid_id
from muniment.runtime.errors import ConfigurationError
from muniment.runtime.sealing import master_secret
from muniment.runtime.settings import Settings
from muniment.webhooks.signing import secret_for


def print_secret(settings: Settings, bucket_id: str, collection_id: str, output: str) -> None:
    """Print the secret that a collection's receiver checks signatures with.

    Raises `ConfigurationError` for an id that no bucket or collection can have.
    """
    for given in (bucket_id, collection_id):
        if not is_valid_id(given):
            raise ConfigurationError(f'"{given}" is not an id of a bucket or collection.')
    secret = str(secret_for(master_secret(settings), bucket_id, collection_id))
    if output == "json":
        row = {"bucket_id": bucket_id, "collection_id": collection_id, "secret": secret}
        print(orjson.dumps(row).decode())
    else:
        print(secret)
