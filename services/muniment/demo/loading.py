"""Writing and reading through PyPI `kinto-http`, as it is."""

import logging
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from kinto_http import Client

from muniment.demo.data_set import Table

T = TypeVar("T")

# The client warns of every request of a batch that went well.
logging.getLogger("kinto_http").setLevel(logging.ERROR)

AUTH: Final = ("demo", "demo")
BATCHES_AT_ONCE: Final = 2
REQUEST_TIMEOUT_S: Final = 30.0
RECORDS_A_PAGE: Final = 1000

Objects = dict[str, dict[str, Any]]
"""What the server answered, by the object's URI below `/v1`."""
Item = tuple[str, Mapping[str, Any]]
"""A collection's id, and a record for it."""


class Loader:
    """Writes tables into one bucket, and keeps what was answered."""

    def __init__(self, url: str, bucket_id: str) -> None:
        self._bucket_id = bucket_id
        self._answered: Objects = {}
        self._lock = threading.Lock()  # guards `_answered`
        self._client: Any = Client(
            server_url=url, auth=AUTH, bucket=bucket_id, timeout=REQUEST_TIMEOUT_S, retry=2
        )

    def load(
        self,
        tables: Sequence[Table],
        webhook_url: Callable[[str], str],
        advanced: Callable[[int], None],
    ) -> Objects:
        """Create the bucket and its collections, then all records; tell `advanced` how many more.

        `webhook_url` answers for a collection's id where its changes are to be told.
        """
        bucket = f"/buckets/{self._bucket_id}"
        self._note(bucket, self._client.create_bucket(id=self._bucket_id))
        for table in tables:
            data = {"schema": table.schema, "webhook:url": webhook_url(table.id)}
            answer = self._client.create_collection(id=table.id, data=data)
            self._note(f"{bucket}/collections/{table.id}", answer)
        records = [(table.id, record) for table in tables for record in table.records]
        size = int(self._client.server_info()["settings"]["batch_max_requests"])
        batches = [records[start : start + size] for start in range(0, len(records), size)]
        for count in _results(self._write_batch, batches, at_once=BATCHES_AT_ONCE):
            advanced(count)
        return self._answered

    def read_sorted(self, table: Table) -> list[dict[str, Any]]:
        """All records of the table by their names, page after page."""
        records: list[dict[str, Any]] = self._client.get_records(
            collection=table.id, _sort="name", _limit=RECORDS_A_PAGE, pages=float("inf")
        )
        return records

    def delete(self) -> None:
        """Delete the bucket, if it came to be, and everything in it."""
        self._client.delete_bucket(id=self._bucket_id, if_exists=True)

    def _write_batch(self, items: Sequence[Item]) -> int:
        with self._client.batch() as batch:
            for collection_id, record in items:
                batch.create_record(collection=collection_id, id=record["id"], data=dict(record))
        for (collection_id, record), answer in zip(items, batch.results(), strict=True):
            self._note(self._uri(collection_id, record), answer)
        return len(items)

    def _uri(self, collection_id: str, record: Mapping[str, Any]) -> str:
        return f"/buckets/{self._bucket_id}/collections/{collection_id}/records/{record['id']}"

    def _note(self, uri: str, answer: Mapping[str, Any]) -> None:
        with self._lock:
            self._answered[uri] = answer["data"]


def _results(write: Callable[[T], int], items: Sequence[T], *, at_once: int) -> Generator[int]:
    """Write all of them, in several threads; the first that fails ends it."""
    with ThreadPoolExecutor(at_once, thread_name_prefix="demo-writer") as pool:
        try:
            yield from pool.map(write, items)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
