"""Which changes the history of a bucket takes up (contract HIS-5 and HIS-12)."""

from collections.abc import Iterator
from dataclasses import dataclass

from muniment.domain.addresses import Address, Kind, bucket, collection
from muniment.domain.events import Action, ObjectChanged
from muniment.runtime.settings import Settings


def has_history(event: ObjectChanged) -> bool:
    """Whether the event stays in its bucket's history: with the bucket, all of that is gone."""
    return not (event.address.kind is Kind.BUCKET and event.action is Action.DELETED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is left out: by the projector, so that a noisy object costs neither rows nor reads.

    A function of the log and of the settings alone: a rebuild under other settings applies them
    to the past as well.
    """

    excluded_uris: frozenset[str] = frozenset()
    """Objects whose changes make no entry, nor those of what is below them."""
    excluded_user_ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings) -> "Recording":
        """What the settings say."""
        return cls(
            excluded_uris=frozenset(settings.history_exclude_resources),
            excluded_user_ids=frozenset(settings.history_exclude_user_ids),
        )

    def takes(self, event: ObjectChanged) -> bool:
        """Whether the change makes an entry."""
        if not has_history(event) or event.cause.actor in self.excluded_user_ids:
            return False
        return not self.excluded_uris or self.excluded_uris.isdisjoint(_uris(event.address))


def _uris(address: Address) -> Iterator[str]:
    """Of the object and of all above it."""
    yield address.uri
    yield bucket(address.bucket_id).uri
    if address.collection_id is not None:
        yield collection(address.bucket_id, address.collection_id).uri
