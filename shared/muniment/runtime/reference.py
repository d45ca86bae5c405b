"""The pages of the documentation that are made from the code: `make reference`."""

import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from muniment.runtime.metrics import Declared, catalogue
from muniment.runtime.settings import ENV_PREFIX, Description, defaults

_SETTINGS = """\
# Settings

Made from the code by `make reference`.

Each is given by a flag (`--set name=value`), else by the variable `{prefix}` and its name in
capitals, else in a TOML file, else it has its default. Lists are parted by blanks.
`muniment config show` prints what is in effect, `muniment config example` a file to start from.
"""

_METRICS = """\
# Metrics

Made from the code by `make reference`.

In Prometheus' text format at `/v1/__metrics__`: of `command`, `query` and `api` on the HTTP port,
of `projector` and `webhooks` on `{prefix}INTERNAL_PORT`. Beside these there are the usual ones of
the process, of Python and its garbage collection. A histogram has `_bucket`, `_sum` and `_count`.
"""


def settings_page() -> str:
    """`docs/settings.md`: every setting by subject."""
    parts = [_SETTINGS.format(prefix=ENV_PREFIX)]
    for subject, settings in groupby(defaults(), key=lambda setting: setting.subject):
        rows = (_setting_row(setting) for setting in settings)
        parts.append(f"## {subject}\n\n{_table(('setting', 'default', 'meaning'), rows)}")
    return "\n".join(parts)


def metrics_page() -> str:
    """`docs/metrics.md`: every metric in the order of the flow."""
    table = _table(("metric", "kind", "labels", "meaning"), map(_metric_row, catalogue()))
    return f"{_METRICS.format(prefix=ENV_PREFIX)}\n{table}"


def _setting_row(setting: Description) -> Sequence[str]:
    default = f"`{setting.value}`" if setting.value else ""
    return f"`{setting.name}`", default, setting.meaning


def _metric_row(metric: Declared) -> Sequence[str]:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"`{metric.name}`", metric.kind, labels, metric.meaning


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines)


def main(folder: Path) -> None:
    """Write both pages into the folder."""
    for name, page in (("settings.md", settings_page()), ("metrics.md", metrics_page())):
        (folder / name).write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
