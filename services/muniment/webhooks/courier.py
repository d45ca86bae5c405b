"""Takes requests to their endpoints, with the headers and signatures of Standard Webhooks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Final, TypeAlias

from cachetools import LRUCache

from muniment.domain.values import Timestamp
from muniment.domain.webhooks.sealing import Unopenable
from muniment.domain.webhooks.spec import WebhookSpec
from muniment.webhooks.deliveries import Delivery
from muniment.webhooks.endpoints import CollectionUrl, Endpoint, EndpointId, Webhook
from muniment.webhooks.http.answer import Answer, Failure
from muniment.webhooks.http.client import Client
from muniment.webhooks.http.tls import TlsIdentity
from muniment.webhooks.message import batch_body, batch_id, content_type
from muniment.webhooks.signing import Signer, Unreadable, secret_for, signer_of

KEPT_MAX: Final = 4_096

Open: TypeAlias = Callable[[str, str], str]
"""From a sealed text and the URI that it was sealed for to the plain one; raises `Unopenable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Credentials:
    """An endpoint's secrets in the clear: in memory, and nowhere else."""

    revision: Timestamp
    signers: Sequence[tuple[Signer, Timestamp | None]]
    """With the moment from which on each is not used any more."""
    headers: Mapping[str, str]
    """Its own, and ours that are the same in each request."""
    identity: TlsIdentity | None


class SigningCourier:
    """Signs each attempt with the endpoint's own secrets and posts it."""

    def __init__(self, client: Client, *, master: bytes, open_sealed: Open) -> None:
        """`master` is what the secrets of collections' URLs are made from."""
        self._client = client
        self._master = master
        self._open = open_sealed
        self._agent = f"muniment/{_version()}"
        self._credentials: LRUCache[EndpointId, _Credentials] = LRUCache(KEPT_MAX)

    async def attempt(
        self, endpoint: Endpoint, request: Sequence[Delivery], *, at: float
    ) -> Answer:
        """One attempt; `at` is now, in seconds since the epoch."""
        bodies = [delivery.body for delivery in request if delivery.body is not None]
        if len(bodies) < len(request):
            # Parked before a restart, and the log does not have it any more: nothing may be sent.
            return Answer(failure=Failure.LOST)
        try:
            credentials = self._credentials_of(endpoint)
        except (Unreadable, Unopenable) as error:
            return Answer(failure=Failure.SECRET, detail=str(error))
        spec = endpoint.spec
        message_id, body = request[0].message_id, bodies[0]
        if spec.batch is not None:
            message_id = batch_id([delivery.message_id for delivery in request])
            body = batch_body(bodies, spec.batch.format)
        timestamp = str(int(at))
        headers = {
            **credentials.headers,
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(
                signer.sign(message_id, timestamp, body)
                for signer, expires in credentials.signers
                if expires is None or at * 1000 < expires
            ),
        }
        # A request of several events belongs to no single one of the requests that caused them.
        if spec.batch is None and (trace := request[0].traceparent) is not None:
            headers["traceparent"] = trace
        return await self._client.post(
            endpoint.url,
            headers,
            body,
            timeout_s=spec.timeout_s,
            identity=credentials.identity,
        )

    def _credentials_of(self, endpoint: Endpoint) -> _Credentials:
        known = self._credentials.get(endpoint.id)
        if known is None or known.revision != endpoint.revision:
            known = self._opened(endpoint)
            self._credentials[endpoint.id] = known
        return known

    def _opened(self, endpoint: Endpoint) -> _Credentials:
        spec, uri = endpoint.spec, endpoint.uri
        return _Credentials(
            revision=endpoint.revision,
            signers=self._signers(endpoint),
            headers={
                **{name: self._open(value, uri) for name, value in spec.headers.items()},
                "Content-Type": content_type(spec.form.format, spec.batch),
                "User-Agent": self._agent,
            },
            identity=self._identity(spec, uri),
        )

    def _signers(self, endpoint: Endpoint) -> Sequence[tuple[Signer, Timestamp | None]]:
        match endpoint.source:
            case CollectionUrl(id=collection_id):
                return [(secret_for(self._master, endpoint.bucket_id, collection_id), None)]
            case Webhook():
                return [
                    (
                        signer_of(secret.algorithm, self._open(secret.sealed, endpoint.uri)),
                        secret.expires,
                    )
                    for secret in endpoint.spec.secrets
                    if secret.algorithm in endpoint.spec.signatures
                ]

    def _identity(self, spec: WebhookSpec, uri: str) -> TlsIdentity | None:
        tls = spec.tls
        if tls is None:
            return None
        key = None if tls.client_key is None else self._open(tls.client_key, uri)
        return TlsIdentity(ca=tls.ca, certificate=tls.client_certificate, key=key)


@lru_cache(maxsize=1)
def _version() -> str:
    try:
        return version("muniment")
    except PackageNotFoundError:
        return "0"
