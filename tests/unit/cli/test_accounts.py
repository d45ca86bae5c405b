"""Where `muniment accounts` takes a password from."""

import io

import pytest

from muniment.cli.accounts import NotDone, read_password


class Terminal(io.StringIO):
    """Somebody types there."""

    def isatty(self) -> bool:
        return True


def piped(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def typed(monkeypatch: pytest.MonkeyPatch, *passwords: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal())
    answers = iter(passwords)

    def ask(_: str) -> str:
        return next(answers)

    monkeypatch.setattr("getpass.getpass", ask)


@pytest.mark.parametrize("content", [b"s3cr3t", b"s3cr3t\n", b"s3cr3t\r\nmore\n"])
def test_the_first_line_of_standard_input_is_taken(
    monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    piped(monkeypatch, content)

    assert read_password() == "s3cr3t"


def test_blanks_belong_to_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    piped(monkeypatch, b"  two words \n")

    assert read_password() == "  two words "


def test_at_a_terminal_it_is_typed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "s3cr3t", "s3cr3t")

    assert read_password() == "s3cr3t"


def test_a_slip_of_the_keys_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, "s3cr3t", "s3cret")

    with pytest.raises(NotDone, match="differ"):
        read_password()


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\n"])
def test_what_is_no_password_is_refused(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    piped(monkeypatch, content)

    with pytest.raises(NotDone):
        read_password()
