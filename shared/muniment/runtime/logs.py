"""Log lines: one for a thing that happened, named `subject.what`, with its facts as fields.

Both ways of logging end in the same line: `get_logger(__name__).info("owner.fenced", partition=3)`
and the standard library's `log.info("owner.fenced", extra={"partition": 3})`, which libraries use.
"""

import logging
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["auto", "json", "console"]
Logger = structlog.stdlib.BoundLogger

# What these say below a warning is about themselves, and much.
QUIET: Final = ("aiohttp.access", "aiokafka", "asyncio", "jgo", "kafka", "urllib3")

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
)


def get_logger(name: str) -> Logger:
    """Answer with the logger of a module; to be called with `__name__`."""
    return structlog.stdlib.get_logger(name)


def configure_logging(
    *,
    level: LogLevel = "info",
    form: LogFormat = "auto",
    service: str | None = None,
    stream: TextIO | None = None,
) -> None:
    """Send every line of this process to `stream` (standard error), in the given form.

    `auto` is coloured text on a terminal and JSON lines anywhere else. `main` calls it, once.
    """
    output = stream or sys.stderr
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.ExtraAdder()],
            processors=[
                *([] if service is None else [_service_adder(service)]),
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(form, output),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@contextmanager
def log_context(**facts: str | int | None) -> Generator[None]:
    """Put the facts that are not `None` on every line logged inside, by this task and its children.

    The shell calls it once a request, with request id, correlation id and causation id.
    """
    known = {name: fact for name, fact in facts.items() if fact is not None}
    with structlog.contextvars.bound_contextvars(**known):
        yield


def _renderers(form: LogFormat, stream: TextIO) -> list[Processor]:
    if form == "console" or (form == "auto" and stream.isatty()):
        return [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    return [
        structlog.processors.ExceptionRenderer(),
        structlog.processors.JSONRenderer(serializer=_dumps),
    ]


def _service_adder(service: str) -> Processor:
    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    return add_service


def _dumps(event: dict[str, Any], **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


# At import, so that a logger works (and a test can capture it) before `main` has configured.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_SHARED,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
