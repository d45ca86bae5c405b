"""The master secret: made once, kept readable by its owner alone, never made twice."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from muniment.runtime.errors import DataFolderBroken
from muniment.runtime.secret_key import FILE_NAME, secret_key
from muniment.runtime.settings import load_settings


def test_a_given_key_is_used_and_nothing_is_written(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": str(tmp_path), "secret_key": "given"}, {})

    assert secret_key(settings) == b"given"
    assert list(tmp_path.iterdir()) == []


def test_a_made_key_stays_the_same(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": str(tmp_path / "new")}, {})

    first = secret_key(settings)

    assert secret_key(settings) == first
    assert len(first) == 64
    assert [path.name for path in settings.data_dir.iterdir()] == [FILE_NAME]


def test_a_made_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": str(tmp_path)}, {})

    secret_key(settings)

    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_those_who_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    settings = load_settings({"data_dir": str(tmp_path)}, {})

    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(secret_key, [settings] * 8))

    assert len(set(keys)) == 1


def test_a_key_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("abc\n", encoding="ascii")

    with pytest.raises(DataFolderBroken, match="cut short"):
        secret_key(load_settings({"data_dir": str(tmp_path)}, {}))


def test_a_folder_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="ascii")

    with pytest.raises(DataFolderBroken, match=r"^The secret key can't be kept in .*\.$"):
        secret_key(load_settings({"data_dir": str(tmp_path / "file")}, {}))
