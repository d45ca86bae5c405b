"""Section 25: every setting that Kinto's contract names is here, documented and tried."""

from pathlib import Path
from typing import Final

import pytest

from muniment.runtime.settings import Settings
from muniment.runtime.settings.load import is_known

ROOT: Final = Path(__file__).parents[3]
DOCS: Final = ROOT / "docs" / "settings.md"
CLIENTS: Final = ROOT / "tests" / "clients" / "kinto"

NAMES: Final = [
    *("batch_max_requests", "paginate_by", "storage_max_fetch_size"),
    *("pagination_token_validity_seconds", "readonly", "explicit_permissions"),
    *("experimental_collection_schema_validation", "experimental_permissions_endpoint"),
    *(f"{kind}_cache_expires_seconds" for kind in ("bucket", "group", "collection", "record")),
    *("record_cache_expires_seconds_by_parent", "root_cache_expires_seconds"),
    *("cache_expires_authenticated", "cors_origins", "cors_max_age_seconds"),
    *("backoff", "backoff_percentage", "retry_after_seconds", "eos", "eos_message", "eos_url"),
    *("heartbeat_timeout_seconds", "http_scheme", "http_host", "error_info_link"),
    *("trailing_slash_redirect_enabled", "trailing_slash_redirect_ttl_seconds"),
    *("version_prefix_redirect_enabled", "version_prefix_redirect_ttl_seconds"),
    *("project_name", "project_docs", "project_version", "version_json_path"),
    *("userid_hmac_secret", "default_bucket_hmac_secret"),
    *("history_exclude_resources", "history_exclude_user_ids", "history_auto_trim_max_count"),
    *("history_auto_trim_user_ids", "history_auto_trim_threshold"),
]

PRINCIPALS: Final = [
    f"{kind}_{permission}_principals"
    for kind in ("bucket", "group", "collection", "record", "account")
    for permission in ("create", "read", "write")
]
"""Tried in one table, which puts their names together."""

SWITCHES: Final = [
    f"{kind}_{object_type}_{method}_enabled"
    for kind, methods in (("plural", "get post delete"), ("object", "get put patch delete"))
    for object_type in ("bucket", "group", "collection", "record", "account")
    for method in methods.split()
]


@pytest.mark.parametrize("name", [*NAMES, *PRINCIPALS, *SWITCHES])
def test_every_setting_is_known(name: str) -> None:
    assert is_known(name)


@pytest.mark.parametrize("name", [*NAMES, *PRINCIPALS, "method_switches"])
def test_every_setting_is_documented(name: str) -> None:
    assert name in Settings.model_fields
    assert f"| `{name}` |" in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_is_changed_in_a_test_over_http(name: str) -> None:
    changing = [
        path.name
        for path in sorted(CLIENTS.glob("*.py"))
        if f'"{name}": ' in path.read_text(encoding="utf-8")
    ]

    assert changing
