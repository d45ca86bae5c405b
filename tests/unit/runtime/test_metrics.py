"""The catalogue of metrics: names that Prometheus and people can work with."""

import re
from pathlib import Path

from prometheus_client.metrics import MetricWrapperBase

from muniment.runtime import metrics

ROOT = Path(__file__).parents[3]
UNITS = (
    "_total",
    "_seconds",
    "_events",
    "_commands",
    "_objects",
    "_owned",
    "_waiting",
    "_in_hand",
    "_parked",
    "_away",
    "_connections",
)


def test_every_name_has_the_prefix_and_ends_in_its_unit() -> None:
    names = [declared.name for declared in metrics.catalogue()]

    odd = [name for name in names if not (name.startswith("muniment_") and name.endswith(UNITS))]
    assert odd == []
    assert len(names) == len(set(names))


def test_counters_end_in_total_and_others_do_not() -> None:
    assert all(
        (declared.kind == "counter") == declared.name.endswith("_total")
        for declared in metrics.catalogue()
    )


def test_every_meaning_is_a_sentence() -> None:
    assert all(declared.meaning.endswith(".") for declared in metrics.catalogue())


def test_what_is_moved_is_exposed() -> None:
    metrics.CLAIMS.labels(reason="recovered").inc()

    text = metrics.expose().decode()

    assert 'muniment_claims_total{reason="recovered"}' in text
    assert "process_resident_memory_bytes" in text


def test_every_declared_metric_is_exposed_under_its_name() -> None:
    text = metrics.expose().decode()

    missing = [d.name for d in metrics.catalogue() if f"# HELP {d.name} {d.meaning}" not in text]
    assert missing == []


def test_every_declared_metric_is_moved_somewhere() -> None:
    """One that always stays at 0 looks as if nothing ever happened."""
    code = "\n".join(
        path.read_text(encoding="utf-8")
        for root in ("services", "shared")
        for path in (ROOT / root).rglob("*.py")
        if path.name != "metrics.py"
    )
    declared = [n for n, found in vars(metrics).items() if isinstance(found, MetricWrapperBase)]

    assert [name for name in declared if not re.search(rf"\b{name}\b", code)] == []
    assert len(declared) == len(list(metrics.catalogue()))
