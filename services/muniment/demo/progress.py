"""How far the demo is: a bar on a terminal, a line each quarter elsewhere."""

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def progress(console: Console, title: str, total: int) -> Generator[Callable[[int], None]]:
    """A function that is told how many more are done; it may be called from several threads."""
    if console.is_terminal:
        columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(title, total=total)
            yield lambda count: bar.advance(task, count)
    else:
        yield _Quarters(console, title, total).advance


class _Quarters:
    def __init__(self, console: Console, title: str, total: int) -> None:
        self._console = console
        self._title = title
        self._total = total
        self._done = 0
        self._began_at = time.monotonic()
        self._lock = threading.Lock()  # guards `_done`

    def advance(self, count: int) -> None:
        with self._lock:
            before, self._done = self._done, self._done + count
            if before * 4 // self._total < self._done * 4 // self._total:
                seconds = time.monotonic() - self._began_at
                self._console.print(
                    f"{self._title}: {self._done:,} of {self._total:,} after {seconds:.1f} s"
                )
