"""Log files: bounded from outside, and watched for what warns."""

from pathlib import Path

from muniment.stack.logfiles import Tail, last_words, trim


def test_a_long_log_is_cut_while_its_writer_writes_on(tmp_path: Path) -> None:
    """The writer appends by its own handle, which must stay good."""
    log = tmp_path / "kafka.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n")

        trim(log, bytes_max=3)
        writer.write(b"new\n")

    assert log.read_bytes() == b"new\n"
    assert (tmp_path / "kafka.log.1").read_bytes() == b"old\n"


def test_a_short_log_is_left(tmp_path: Path) -> None:
    """Nothing is copied for nothing."""
    log = tmp_path / "kafka.log"
    log.write_bytes(b"old\n")

    trim(log, bytes_max=4)

    assert log.read_bytes() == b"old\n"


def test_only_lines_that_warn_are_shown(tmp_path: Path) -> None:
    """The console is for what somebody must know; the rest is in the file."""
    log = tmp_path / "api.log"
    log.write_text(
        '{"level": "info", "event": "request.done"}\n'
        '{"level": "error", "event": "append.failed", "partition": 3, "time": "now"}\n'
        "muniment: Port 8888 is taken.\n"
    )

    assert list(Tail(log).loud_lines()) == [
        "error: append.failed partition=3",
        "muniment: Port 8888 is taken.",
    ]


def test_a_tail_reads_each_line_once_and_whole(tmp_path: Path) -> None:
    """A line that is being written is read when it is done."""
    log = tmp_path / "api.log"
    tail = Tail(log)
    log.write_text("first\nsec")

    begun = list(tail.loud_lines())
    log.write_text("first\nsecond\n")
    ended = list(tail.loud_lines())

    assert (begun, ended) == (["first"], ["second"])


def test_a_tail_begins_anew_after_a_cut(tmp_path: Path) -> None:
    """What comes after the cut is news, although the file is shorter than it was."""
    log = tmp_path / "api.log"
    tail = Tail(log)
    log.write_text("a long first line\n")
    list(tail.loud_lines())

    log.write_text("short\n")

    assert list(tail.loud_lines()) == ["short"]


def test_last_words_prefer_an_error_to_what_follows_it(tmp_path: Path) -> None:
    """Servers say goodbye after they have said why."""
    log = tmp_path / "postgres.log"
    log.write_text("LOG: starting\nFATAL: no space\nLOG: shut down\n")

    assert last_words(log) == "FATAL: no space"
