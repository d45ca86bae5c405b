"""Log lines: one JSON object each, with the facts of the place and of the request."""

import ast
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from muniment.runtime.logs import LogFormat, LogLevel, configure_logging, get_logger, log_context

ROOT: Final = Path(__file__).parents[3]
LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def capture(level: LogLevel = "info", form: LogFormat = "json") -> io.StringIO:
    stream = io.StringIO()
    configure_logging(level=level, form=form, service="projector", stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_carries_event_level_time_service_and_facts() -> None:
    stream = capture()

    get_logger("muniment.test").info("owner.fenced", partition=3)

    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.pop("time"))
    assert line == {
        "event": "owner.fenced",
        "level": "info",
        "logger": "muniment.test",
        "partition": 3,
        "service": "projector",
    }


def test_the_standard_library_logs_the_same_line() -> None:
    """Libraries, and those of us who use `extra=`, end in the same form."""
    stream = capture()

    logging.getLogger("muniment.test").warning("owner.fenced", extra={"partition": 3})

    (line,) = lines(stream)
    assert (line["event"], line["level"], line["partition"]) == ("owner.fenced", "warning", 3)


def test_lines_inside_a_request_carry_its_ids() -> None:
    stream = capture()
    log = get_logger("muniment.test")

    with log_context(request_id="r-1", correlation_id=None):
        log.info("request.answered")
    log.info("request.closed")

    inside, after = lines(stream)
    assert inside["request_id"] == "r-1"
    assert "correlation_id" not in inside
    assert "request_id" not in after


def test_lines_below_the_level_are_not_written() -> None:
    stream = capture(level="warning")

    get_logger("muniment.test").info("owner.fenced")

    assert lines(stream) == []


def test_a_traceback_is_one_field_of_one_line() -> None:
    stream = capture()

    try:
        raise ZeroDivisionError("by nought")
    except ZeroDivisionError:
        get_logger("muniment.test").exception("service.task_failed", task="projector")

    (line,) = lines(stream)
    assert line["exception"].endswith("ZeroDivisionError: by nought")


def test_a_fact_that_is_no_json_is_written_as_text() -> None:
    stream = capture()

    get_logger("muniment.test").info("folder.opened", path=Path("/srv"), keys={1: 2})

    (line,) = lines(stream)
    assert (line["path"], line["keys"]) == ("/srv", {"1": 2})


def test_without_a_terminal_the_form_is_json() -> None:
    stream = capture(form="auto")

    get_logger("muniment.test").info("owner.fenced")

    assert lines(stream)[0]["event"] == "owner.fenced"


def test_the_console_form_is_for_eyes() -> None:
    stream = capture(form="console")

    get_logger("muniment.test").info("owner.fenced", partition=3)

    assert "owner.fenced" in stream.getvalue()
    assert "partition=3" in stream.getvalue()


def _logged_events() -> Iterator[tuple[str, ast.expr]]:
    for root in ("services", "shared"):
        for path in sorted((ROOT / root).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(
                        func=ast.Attribute(
                            value=ast.Name(id="log" | "_log" | "logger"), attr=level
                        ),
                        args=[event, *_],
                    ) if level in LEVELS:
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", event
                    case _:
                        pass


def test_every_line_is_named_subject_what() -> None:
    """A name that is put together at run time can neither be searched for nor listed."""
    odd = [
        where
        for where, event in _logged_events()
        if not (
            isinstance(event, ast.Constant)
            and isinstance(event.value, str)
            and re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", event.value)
        )
    ]

    assert odd == []
