"""The signing keys of a webhook: the newest first, older ones for as long as they overlap."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from muniment.domain.events import EventId
from muniment.domain.refusals import Fault
from muniment.domain.values import JsonObject, Timestamp
from muniment.domain.webhooks.keys import (
    SEED_BYTES,
    parse_secret,
    parse_signing_key,
    public_key_text,
    secret_text,
    signing_key_text,
)
from muniment.domain.webhooks.sealing import Sealer, Unopenable, sealed_anew
from muniment.domain.webhooks.spec import Algorithm, Secret
from muniment.domain.webhooks.stored import secret_json

OVERLAP_S: Final = 24 * 60 * 60
OVERLAP_S_MAX: Final = 7 * 24 * 60 * 60
LIVE_MAX: Final = 10
"""Most keys of one algorithm that sign at the same time: each makes the header longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that is to take the place of the others of its algorithm."""

    algorithm: Algorithm
    text: str | None = None
    """`whsec_…` or `whsk_…`, which was checked; `None`: one is made."""
    overlap_s: int = OVERLAP_S
    """How long the others go on signing."""


def given_key(text: str) -> NewKey:
    """The key that a client puts into `secret`."""
    return NewKey(algorithm=Algorithm.HMAC, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRing:
    """The keys of one webhook at one change of it."""

    secrets: Sequence[Secret]
    uri: str
    sealer: Sealer
    now: Timestamp
    event_id: EventId

    def turned(self, new: NewKey | None, needed: Sequence[Algorithm]) -> "list[JsonObject] | Fault":
        """The field `secrets` after the change: expired keys gone, what is needed made."""
        kept = [self._sealed_anew(secret) for secret in self.secrets if secret.is_live(self.now)]
        if new is not None and not self._has(kept, new):
            if fault := self._fault(new):
                return fault
            kept = [self._made(new), *self._overlapping(kept, new)]
            if sum(one.algorithm is new.algorithm for one in kept) > LIVE_MAX:
                return _fault(f"{LIVE_MAX} keys are live already: let some of them expire")
        for algorithm in needed:
            if not any(secret.algorithm is algorithm for secret in kept):
                kept.insert(0, self._made(NewKey(algorithm=algorithm)))
        return [secret_json(secret) for secret in kept]

    def _fault(self, new: NewKey) -> Fault | None:
        pair = parse_signing_key(new.text or "")
        if pair is not None and self.sealer.public_key(pair[0]) != pair[1]:
            return _fault("the public key is not that of the seed")
        return None

    def _has(self, kept: Sequence[Secret], new: NewKey) -> bool:
        """Whether the key is the newest already: a repeated request changes nothing."""
        newest = next((one for one in kept if one.algorithm is new.algorithm), None)
        if newest is None or new.text is None or new.overlap_s == 0:
            return False
        try:
            return self.sealer.unseal(newest.sealed, self.uri) == new.text
        except Unopenable:
            return False

    def _overlapping(self, kept: Sequence[Secret], new: NewKey) -> list[Secret]:
        end = Timestamp(self.now + new.overlap_s * 1_000)
        changed = (
            replace(one, expires=min(end, one.expires or end))
            if one.algorithm is new.algorithm
            else one
            for one in kept
        )
        return [one for one in changed if one.is_live(self.now)]

    def _made(self, new: NewKey) -> Secret:
        key_id = f"{self.event_id}.{new.algorithm}"
        text, public_key = self._hmac(new, key_id), None
        if new.algorithm is Algorithm.ED25519:
            seed = self._seed(new, key_id)
            public = self.sealer.public_key(seed)
            text, public_key = signing_key_text(seed, public), public_key_text(public)
        return Secret(
            id=key_id,
            algorithm=new.algorithm,
            sealed=self.sealer.seal(text, self.uri),
            public_key=public_key,
            created=self.now,
        )

    def _hmac(self, new: NewKey, key_id: str) -> str:
        return new.text or secret_text(self._derived(key_id))

    def _seed(self, new: NewKey, key_id: str) -> bytes:
        pair = None if new.text is None else parse_signing_key(new.text)
        return self._derived(key_id)[:SEED_BYTES] if pair is None else pair[0]

    def _derived(self, key_id: str) -> bytes:
        """The same event makes the same key of the same webhook, and no other one ever does."""
        return self.sealer.derive(f"webhook key {self.uri} {key_id}")

    def _sealed_anew(self, secret: Secret) -> Secret:
        return replace(secret, sealed=sealed_anew(secret.sealed, self.uri, self.sealer))


def key_fault(algorithm: Algorithm, text: str) -> str | None:
    """What is wrong with a key that a client brings along, without a word of the key itself."""
    if algorithm is Algorithm.HMAC:
        return None if parse_secret(text) else "not whsec_ and the base64 of 24 to 64 bytes"
    return None if parse_signing_key(text) else "not whsk_ and the base64 of a seed and its key"


def _fault(description: str) -> Fault:
    return Fault(location="body", name="secret", description=description)
