"""What `muniment up` prints when it serves."""

from pathlib import Path

from muniment.cli.up import welcome
from muniment.runtime.settings import load_settings
from muniment.runtime.urls import MASK
from muniment.stack.embedded import EmbeddedStack, StackOptions


def test_it_shows_no_password_of_kafka(tmp_path: Path) -> None:
    """Terminals are shared, and what they print is kept in logs."""
    options = StackOptions(kafka_url="kafka://u:hunter2@h:9092", postgres_url="postgresql://h/d")

    text = welcome(load_settings({}, {}), EmbeddedStack(tmp_path, options), took_s=1.0)

    assert f"kafka://u:{MASK}@h:9092" in text
    assert "hunter2" not in text
