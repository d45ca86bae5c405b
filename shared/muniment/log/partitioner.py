"""Which partition a bucket's stream is in: the same as every Kafka client's default."""

from functools import lru_cache
from typing import Final

from aiokafka.partitioner import murmur2  # pyright: ignore[reportUnknownVariableType] - no stubs

_SIGN_BIT_OFF: Final = 0x7FFFFFFF

KEYS_KEPT_MAX: Final = 10_000
"""The hash is computed in Python, byte by byte."""


@lru_cache(maxsize=KEYS_KEPT_MAX)
def partition_of_key(key: str, *, partitions: int) -> int:
    """Kafka's default for a record's key: the murmur2 hash of its bytes, sign bit off, modulo."""
    hashed: int = murmur2(key.encode())
    return (hashed & _SIGN_BIT_OFF) % partitions
