"""The demo from start to end: load, read back, read the topic, count what the webhook was told."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import requests
from kinto_http import KintoException
from rich.console import Console
from rich.table import Table as Grid

from muniment.demo.comparing import (
    Check,
    answers_as_sent,
    events_of_writes,
    notifications_of_writes,
    order_of_events,
    read_back,
)
from muniment.demo.data_set import Table
from muniment.demo.loading import Loader, Objects
from muniment.demo.own_server import MUNIMENT, Server
from muniment.demo.progress import progress
from muniment.demo.receiver import Receiver
from muniment.demo.topic import Topic
from muniment.runtime.errors import UserError

TOLD_TIMEOUT_S: Final = 60.0
EXAMPLE_CHARACTERS_MAX: Final = 300


class DemoFailed(UserError):
    """Something was not as promised."""


class Demo:
    """Loads the tables into a new bucket of the server, and compares all that can be seen of it."""

    def __init__(
        self, server: Server, tables: Sequence[Table], *, topic_prefix: str, console: Console
    ) -> None:
        self._server = server
        self._tables = tables
        self._topic = Topic(server.kafka_url, f"{topic_prefix}.events")
        self._console = console
        self._bucket_id = f"demo-{secrets.token_hex(4)}"
        self._receiver = Receiver()

    async def run(self, *, is_kept: bool = False) -> None:
        """Raises `DemoFailed` when anything differs."""
        async with self._receiver, _running(self._topic):
            self._receiver.expect(await self._secrets())
            try:
                loader = await asyncio.to_thread(self._loader)
                try:
                    checks = await self._checks(loader)
                finally:
                    if not is_kept:
                        await asyncio.to_thread(loader.delete)
            except (KintoException, requests.RequestException) as error:
                raise DemoFailed(f"The server did not do as it was asked: {error}") from error
        self._print(checks)
        if not all(check.holds for check in checks):
            raise DemoFailed("Not everything was as it should be; see the table.")

    def _loader(self) -> Loader:
        return Loader(self._server.url, self._bucket_id)

    async def _checks(self, loader: Loader) -> list[Check]:
        answered = await self._load(loader)
        read = [
            read_back(
                table,
                answered,
                await asyncio.to_thread(loader.read_sorted, table),
                self._bucket_id,
            )
            for table in self._tables
        ]
        events = await self._topic.read(self._bucket_id)
        # Each write is told but the bucket's own, which no collection is concerned with.
        await self._receiver.wait_for(len(answered) - 1, timeout_s=TOLD_TIMEOUT_S)
        receiver = self._receiver
        self._tell(
            f"The webhook took {len(receiver.messages):,} messages, {receiver.repeats:,} of them "
            f"more than once; {receiver.forged:,} were not signed as they should be."
        )
        return [
            answers_as_sent(self._tables, answered, self._bucket_id),
            *read,
            events_of_writes(answered, events),
            order_of_events(events),
            notifications_of_writes(answered, receiver.messages.values()),
            Check(claim="messages with a wrong signature", due=0, right=receiver.forged),
        ]

    async def _load(self, loader: Loader) -> Objects:
        count = sum(len(table.records) for table in self._tables)
        self._tell(f"Loading {count:,} records through kinto-http, in batches ...")
        began_at = time.monotonic()
        with progress(self._console, "Loading", count) as advanced:
            answered = await asyncio.to_thread(
                loader.load, self._tables, self._receiver.url, advanced
            )
        took_s = time.monotonic() - began_at
        self._tell(f"Loaded in {took_s:.1f} s ({count / took_s:,.0f} records a second).")
        return answered

    async def _secrets(self) -> dict[str, str]:
        """What `muniment webhooks secret` prints for each collection."""
        secrets_ = await asyncio.gather(*(self._secret(table.id) for table in self._tables))
        return {table.id: secret for table, secret in zip(self._tables, secrets_, strict=True)}

    async def _secret(self, collection_id: str) -> str:
        data_dir = os.fspath(self._server.data_dir)
        process = await asyncio.create_subprocess_exec(
            *MUNIMENT,
            *("webhooks", "secret", self._bucket_id, collection_id, "--data-dir", data_dir),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        if process.returncode != 0:
            raise DemoFailed("The webhooks' secrets cannot be had; see the line above.")
        return output.decode().strip()

    def _tell(self, text: str) -> None:
        self._console.print(text, markup=False)

    def _print(self, checks: Sequence[Check]) -> None:
        grid = Grid(box=None, pad_edge=False)
        grid.add_column("what was compared", no_wrap=True)
        for title in ("due", "right", ""):
            grid.add_column(title, justify="right", no_wrap=True)
        for check in checks:
            verdict = "[green]ok[/green]" if check.holds else "[red]DIFFERENT[/red]"
            grid.add_row(check.claim, f"{check.due:,}", f"{check.right:,}", verdict)
        self._console.print(grid)
        for check in checks:
            if check.example:
                self._tell(f"{check.claim}: {check.example[:EXAMPLE_CHARACTERS_MAX]}")


@asynccontextmanager
async def _running(topic: Topic) -> AsyncGenerator[None]:
    try:
        await topic.start()
        yield
    finally:
        await topic.stop()
