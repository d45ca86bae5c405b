"""The documentation's tables are those of the code, and no setting is idle."""

import re
from pathlib import Path

from muniment.runtime.reference import metrics_page, settings_page
from muniment.runtime.settings import Settings

ROOT = Path(__file__).parents[3]
PRINCIPALS = re.compile(r"(?:bucket|group|collection|record)_(?:read|write|create)_principals")
"""Read by a name that is put together: `Settings.principals`."""


def test_the_page_of_settings_is_current() -> None:
    """Else: `make reference`."""
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == settings_page()


def test_the_page_of_metrics_is_current() -> None:
    """Else: `make reference`."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == metrics_page()


def test_every_setting_is_read_somewhere() -> None:
    """One without effect is a promise that is not kept."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for root in ("services", "shared")
        for path in (ROOT / root).rglob("*.py")
        if "settings" not in path.parts
    )

    idle = {
        name
        for name in Settings.model_fields
        if not re.search(rf"\b\w*settings\.{name}\b", code) and not PRINCIPALS.fullmatch(name)
    }

    assert idle == set()
