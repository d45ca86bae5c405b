"""Takes one delivery to its endpoint, with the headers of Standard Webhooks."""

from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version

from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import Endpoint
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.http.client import Client
from muniment.webhooks.signing import secret_for


class SigningCourier:
    """Signs each attempt with the endpoint's own secret and posts it."""

    def __init__(self, client: Client, *, master: bytes) -> None:
        self._client = client
        self._agent = f"muniment/{_version()}"
        self._secret_of = lru_cache(maxsize=4_096)(partial(secret_for, master))

    async def attempt(self, endpoint: Endpoint, delivery: Delivery, *, at: float) -> Answer:
        """One attempt; `at` is now, in seconds since the epoch."""
        if (body := delivery.body) is None:
            # Parked before a restart, and the log does not have it any more: nothing may be sent.
            return Answer(failure=Failure.LOST)
        secret = self._secret_of(endpoint.bucket_id, endpoint.collection_id)
        timestamp = str(int(at))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": self._agent,
            "webhook-id": delivery.message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": secret.sign(delivery.message_id, timestamp, body),
        }
        return await self._client.post(endpoint.url, headers, body)


def _version() -> str:
    try:
        return version("muniment")
    except PackageNotFoundError:
        return "0"
