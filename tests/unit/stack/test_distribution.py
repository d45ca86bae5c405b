"""Kafka's jars in the cache: whole or absent, and those that are pinned."""

import hashlib
from pathlib import Path

import pytest

from muniment.stack import distribution
from muniment.stack.distribution import Jar, ensure_jars, locked_jars
from muniment.stack.embedded import silently
from muniment.stack.errors import DownloadFailed

CONTENT = b"a jar"
PINNED = Jar("org.example:thing:1.0", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One pinned jar whose download always works; what was downloaded."""
    names: list[str] = []

    def fetch(jar: Jar, staged: Path, advance: object) -> None:
        names.append(jar.file_name)
        (staged / jar.file_name).write_bytes(CONTENT)

    monkeypatch.setattr(distribution, "locked_jars", lambda: [PINNED])
    monkeypatch.setattr(distribution, "_fetch", fetch)
    return names


def test_every_jar_of_kafka_is_pinned() -> None:
    """What runs is what was tested, down to the byte."""
    jars = locked_jars()

    assert {len(jar.sha256) for jar in jars} == {64}
    assert {"kafka_2.13-4.1.1.jar", "log4j-slf4j-impl-2.24.3.jar"} <= {j.file_name for j in jars}


def test_a_whole_cache_is_used_as_it_is(tmp_path: Path, fetched: list[str]) -> None:
    """A second data folder needs no download."""
    first = ensure_jars(silently, cache=tmp_path)

    second = ensure_jars(silently, cache=tmp_path)

    assert first == second
    assert fetched == ["thing-1.0.jar"]


@pytest.mark.parametrize("damage", [b"a jaR", b"", b"a longer jar"], ids=str)
def test_a_damaged_jar_is_fetched_again(tmp_path: Path, fetched: list[str], damage: bytes) -> None:
    """A disk that lies ends in a download, not in a Java stack trace."""
    jar = ensure_jars(silently, cache=tmp_path) / "thing-1.0.jar"
    jar.write_bytes(damage)

    ensure_jars(silently, cache=tmp_path)

    assert jar.read_bytes() == CONTENT
    assert len(fetched) == 2


@pytest.mark.usefixtures("fetched")
def test_a_download_cut_short_leaves_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is in the cache can be trusted to be whole."""

    def fail(jar: Jar, staged: Path, advance: object) -> None:
        (staged / jar.file_name).write_bytes(b"half")
        raise DownloadFailed("the line is dead")

    monkeypatch.setattr(distribution, "_fetch", fail)

    with pytest.raises(DownloadFailed):
        ensure_jars(silently, cache=tmp_path)

    assert list(tmp_path.iterdir()) == []
