"""`GET /.well-known/webhooks/{bucket}/{webhook}/jwks.json`: what receivers verify `v1a` with.

Public keys, so anybody may ask: a receiver has no account here. Who asks learns no more of a
webhook than that it has such keys; one that has none is as good as not there.
"""

from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Final

import orjson

from muniment.domain.values import JsonObject
from muniment.domain.webhooks.keys import parse_public_key
from muniment.domain.webhooks.stored import stored_part
from muniment.query.store import Store
from muniment.readmodel.sql import Statements
from muniment.web.errors import unknown_path
from muniment.web.http import Request, Response

SQL: Final = Statements(__package__, "webhook_keys.sql")

CACHED_S: Final = 300
"""How long receivers may keep the keys: much less than what two keys usually overlap."""


class WebhookKeys:
    """Answers with a JSON Web Key Set (RFC 7517) of Ed25519 keys (RFC 8037)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def handle(self, request: Request) -> Response:
        """The keys, newest first; 404 where there are none. Raises `Unavailable`."""
        row = await self._store.read_object(
            SQL.read_webhook_data, (request.target.bucket_id or "", request.target.id or "")
        )
        keys = [] if row["data"] is None else list(_keys(orjson.loads(row["data"])))
        if not keys:
            return unknown_path()
        headers = {
            "Content-Type": "application/jwk-set+json",
            "Cache-Control": f"public, max-age={CACHED_S}",
        }
        return Response(headers=headers, body=orjson.dumps({"keys": keys}))


def _keys(data: JsonObject) -> Iterator[JsonObject]:
    for secret in stored_part(data).secrets:
        key = None if secret.public_key is None else parse_public_key(secret.public_key)
        if key is not None:
            yield {
                "kty": "OKP",
                "crv": "Ed25519",
                "alg": "EdDSA",
                "use": "sig",
                "kid": secret.id,
                "x": urlsafe_b64encode(key).rstrip(b"=").decode("ascii"),
            }
