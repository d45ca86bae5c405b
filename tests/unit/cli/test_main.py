"""What a person at the shell sees: help at once, one sentence for an error, and an exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from muniment.cli import main as cli
from muniment.cli import options
from muniment.runtime.errors import AlreadyTaken

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _no_settings_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person who runs the tests has set must not decide how they end."""
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("MUNIMENT_")]:
        monkeypatch.delenv(variable)


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Run:
    def run_command(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        out, err = capsysbinary.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, out.decode(), err.decode()

    return run_command


def test_help_names_every_command(run: Run) -> None:
    code, out, _ = run("--help")

    assert code == 0
    assert {"up", "serve", "version", "config"} <= set(out.split())


def test_help_imports_nothing_slow() -> None:
    """`muniment --help` answers in under 0.3 s: it must not load what it does not need."""
    program = (
        "import sys, muniment.cli.main\n"
        "slow = {'aiohttp', 'aiokafka', 'asyncpg', 'pydantic', 'rich', 'structlog'}\n"
        "print(*sorted(slow & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30
    )

    assert done.stdout.strip() == ""


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "muniment", "version"],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert done.stdout.startswith("muniment ")


def test_config_show_masks_secrets_and_says_the_source(run: Run) -> None:
    code, out, _ = run("config", "show", "-o", "json", "--set", "secret_key=hunter2")

    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["secret_key"]["source"] == "flag"
    assert rows["http_port"]["source"] == "default"
    assert "hunter2" not in out


def test_config_show_as_table_is_not_cut_off(run: Run) -> None:
    code, out, _ = run("config", "show")

    assert code == 0
    assert "Seconds for which the next page of a bulk delete can be asked for." in out


def test_config_example_is_printed(run: Run) -> None:
    code, out, _ = run("config", "example")

    assert code == 0
    assert "#http_port = 8888" in out.splitlines()


def test_config_check_warns(run: Run) -> None:
    code, out, _ = run(
        "config", "check", "--set", "http_bind_host=0.0.0.0", "--set", "flush_enabled=1"
    )

    assert code == 0
    assert out.startswith("warning: flush_enabled lets anyone")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("config", "check", "--set", "htp_port=1"), 'did you mean "http_port"?'),
        (("config", "check", "--set", "http_port"), "--set takes name=value"),
        (("config", "check", "--config", "nowhere.toml"), "nowhere.toml does not exist."),
        (("config", "show", "-o", "yaml"), "'yaml' is not one of 'table', 'json'"),
        (("config", "shwo"), "Did you mean 'show'?"),
        (("up", "--prot", "1"), "No such option: --prot"),
        (("serve", "everything"), "'everything' is not one of"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_and_code_2(
    run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    code, _, err = run(*arguments)

    assert code == 2
    assert err.count("\n") == 1
    assert sentence in err


def test_an_error_for_the_user_ends_with_its_own_code(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_given: object, **_flags: object) -> None:
        raise AlreadyTaken("Port 8888 is in use.")

    monkeypatch.setattr(options, "read_settings", taken)

    code, _, err = run("config", "check")

    assert (code, err) == (4, "muniment: Port 8888 is in use.\n")


def test_a_fault_of_ours_is_a_sentence_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object, **_flags: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(options, "read_settings", broken)

    code, _, err = run("config", "check")

    assert code == 1
    assert "Traceback" not in err
    assert "ZeroDivisionError" in err
    assert "--debug" in err


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_given: object, **_flags: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(options, "read_settings", broken)

    with pytest.raises(ZeroDivisionError):
        cli.main(["config", "check", "--debug"])
