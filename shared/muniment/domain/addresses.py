"""Where an object lives: its kind, its parents and its id; written as the URI that clients use."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType

BucketId = NewType("BucketId", str)
CollectionId = NewType("CollectionId", str)


class Kind(StrEnum):
    """The types of object."""

    BUCKET = "bucket"
    GROUP = "group"
    COLLECTION = "collection"
    RECORD = "record"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One object; `collection_id` is set for records only, as a record's parent."""

    kind: Kind
    bucket_id: BucketId
    collection_id: CollectionId | None = None
    id: str

    @property
    def uri(self) -> str:
        """The path below `/v1`, as events, ACEs and history name the object."""
        match self.kind:
            case Kind.BUCKET:
                return f"/buckets/{self.id}"
            case Kind.GROUP:
                return f"/buckets/{self.bucket_id}/groups/{self.id}"
            case Kind.COLLECTION:
                return f"/buckets/{self.bucket_id}/collections/{self.id}"
            case Kind.WEBHOOK:
                return f"/buckets/{self.bucket_id}/webhooks/{self.id}"
            case Kind.RECORD:
                return (
                    f"/buckets/{self.bucket_id}/collections/{self.collection_id}/records/{self.id}"
                )

    @property
    def parent_uri(self) -> str:
        """The URI of the object whose list holds this one; empty for buckets."""
        match self.kind:
            case Kind.BUCKET:
                return ""
            case Kind.GROUP | Kind.COLLECTION | Kind.WEBHOOK:
                return f"/buckets/{self.bucket_id}"
            case Kind.RECORD:
                return f"/buckets/{self.bucket_id}/collections/{self.collection_id}"


def bucket(bucket_id: str) -> Address:
    """The address of a bucket."""
    return Address(kind=Kind.BUCKET, bucket_id=BucketId(bucket_id), id=bucket_id)


def collection(bucket_id: str, collection_id: str) -> Address:
    """The address of a collection."""
    return Address(kind=Kind.COLLECTION, bucket_id=BucketId(bucket_id), id=collection_id)


def group(bucket_id: str, group_id: str) -> Address:
    """The address of a group."""
    return Address(kind=Kind.GROUP, bucket_id=BucketId(bucket_id), id=group_id)


def webhook(bucket_id: str, webhook_id: str) -> Address:
    """The address of a webhook."""
    return Address(kind=Kind.WEBHOOK, bucket_id=BucketId(bucket_id), id=webhook_id)


def record(bucket_id: str, collection_id: str, record_id: str) -> Address:
    """The address of a record."""
    return Address(
        kind=Kind.RECORD,
        bucket_id=BucketId(bucket_id),
        collection_id=CollectionId(collection_id),
        id=record_id,
    )


def parse_uri(uri: str) -> Address:
    """The address that `Address.uri` wrote. Raises `ValueError` for anything else."""
    match uri.split("/"):
        case ["", "buckets", bucket_id]:
            return bucket(bucket_id)
        case ["", "buckets", bucket_id, "groups", group_id]:
            return group(bucket_id, group_id)
        case ["", "buckets", bucket_id, "webhooks", webhook_id]:
            return webhook(bucket_id, webhook_id)
        case ["", "buckets", bucket_id, "collections", collection_id]:
            return collection(bucket_id, collection_id)
        case ["", "buckets", bucket_id, "collections", collection_id, "records", record_id]:
            return record(bucket_id, collection_id, record_id)
        case _:
            message = f"not the URI of an object: {uri!r}"
            raise ValueError(message)


OBJECT_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*")

OBJECT_ID_CHARS_MAX: Final = 512
"""Longest id that is accepted: the read model's index holds entries of 2,704 bytes at most."""


def is_valid_id(text: str) -> bool:
    """Whether the whole text is an id of a bucket or of what is in one (ID-1 to ID-3)."""
    return len(text) <= OBJECT_ID_CHARS_MAX and OBJECT_ID.fullmatch(text) is not None
