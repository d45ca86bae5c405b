"""`muniment webhooks secret`: what a person gives to the receiver."""

import pytest

from muniment.cli.main import main
from muniment.webhooks.signing import secret_for


def test_it_prints_the_secret_that_deliveries_are_signed_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUNIMENT_SECRET_KEY", "master")

    with pytest.raises(SystemExit) as ended:
        main(["webhooks", "secret", "atlas", "tides"])

    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{secret_for(b'master', 'atlas', 'tides')}\n"


def test_an_id_that_nothing_can_have_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip of the pen would else print a secret that verifies nothing."""
    with pytest.raises(SystemExit) as ended:
        main(["webhooks", "secret", "atlas", "tides/records"])

    assert ended.value.code == 2
    assert "tides/records" in capsys.readouterr().err
