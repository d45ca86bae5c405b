"""Buckets keep their partition, and every Kafka client finds the same one."""

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from muniment.log.partitioner import partition_of_key


@pytest.mark.parametrize(
    ("key", "murmur2"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_the_hash_is_that_of_kafkas_java_client(key: str, murmur2: int) -> None:
    """The values are those of Kafka's own unit test of `Utils.murmur2`."""
    assert partition_of_key(key, partitions=1009) == (murmur2 & 0x7FFFFFFF) % 1009


@given(key=st.text(max_size=40), partitions=st.integers(1, 100))
def test_a_producers_default_is_the_same(key: str, partitions: int) -> None:
    """A tool that writes or looks for a key goes to the same place."""
    numbers = list(range(partitions))

    assert partition_of_key(key, partitions=partitions) == DefaultPartitioner()(
        key.encode(), numbers, numbers
    )
