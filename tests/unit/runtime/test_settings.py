"""Where settings come from, which source wins, and what a user reads when one is wrong."""

import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from muniment.runtime.settings import (
    Settings,
    SettingsError,
    describe,
    doubts,
    example_toml,
    load_settings,
)
from muniment.runtime.urls import MASK

TEN, ULA = ip_network("10.0.0.0/8"), ip_network("fc00::/7")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A muniment.toml where the tests are started must not decide how they end."""
    monkeypatch.chdir(tmp_path)


def shown(settings: Settings, name: str) -> tuple[str, str]:
    (row,) = (row for row in describe(settings) if row.name == name)
    return row.value, row.source


def write_config(folder: Path, text: str) -> str:
    path = folder / "given.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    """The nearer to the person who starts the process, the stronger."""
    config = write_config(
        tmp_path, "http_port = 1001\nevents_partitions = 3\nlog_level = 'error'\n"
    )
    environ = {"MUNIMENT_HTTP_PORT": "1002", "MUNIMENT_EVENTS_PARTITIONS": "4"}

    settings = load_settings({"http_port": "1003", "config": config}, environ)

    assert shown(settings, "http_port") == ("1003", "flag")
    assert shown(settings, "events_partitions") == ("4", "environment")
    assert shown(settings, "log_level") == ("error", "file")
    assert shown(settings, "append_timeout_s") == ("10", "default")


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http_port = 1001\n")

    assert load_settings({}, {"MUNIMENT_CONFIG": config}).http_port == 1001


def test_a_muniment_toml_in_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "muniment.toml").write_text("http_port = 1001\n", encoding="utf-8")

    assert load_settings({}, {}).http_port == 1001


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUNIMENT_HTTP_PORT", "1001")

    assert load_settings().http_port == 1001


def test_constructing_settings_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that makes its own settings must be the same on every machine."""
    monkeypatch.setenv("MUNIMENT_HTTP_PORT", "1001")

    assert Settings().http_port == 8888


def test_other_variables_are_left_alone() -> None:
    assert load_settings({}, {"HOME": "/", "muniment_http_port": "1"}).http_port == 8888


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("auth_policies", "account  basicauth", ("account", "basicauth")),
        ("auth_policies", "", ()),
        ("bucket_create_principals", "", ()),
        ("record_read_principals", "system.Everyone", ("system.Everyone",)),
        ("cors_origins", "https://a.test https://b.test", ("https://a.test", "https://b.test")),
        ("webhooks_retry_schedule_s", "0 1.5 60", (0, 1.5, 60)),
        ("webhooks_denied_ports", "25 6379", (25, 6379)),
        ("webhooks_denied_ports", "", ()),
        ("webhooks_denied_networks", "10.0.0.0/8 fc00::/7", (TEN, ULA)),
        (
            "webhooks_allowed_hosts",
            "Intra.Example. *.bücher.example 127.1 [::1]",
            ("intra.example", "*.xn--bcher-kva.example", "127.0.0.1", "::1"),
        ),
        ("kafka_url", "", None),
        ("kafka_url", "kafka://a:9092, b:9092", "a:9092,b:9092"),
        (
            "kafka_url",
            "kafka+ssl://u:p%2F@a:9093?sasl=plain",
            "kafka+ssl://u:p%2F@a:9093?sasl=plain",
        ),
        ("paginate_by", "", None),
        ("http_port", "", 8888),
        ("instance_id", "", Settings().instance_id),
        ("flush_enabled", "true", True),
        ("flush_enabled", "0", False),
        ("record_cache_expires_seconds_by_parent", '{"atlas.stations": 5}', {"atlas.stations": 5}),
        ("record_cache_expires_seconds_by_parent", "", {}),
        ("data_dir", "/srv/muniment", Path("/srv/muniment")),
    ],
)
def test_what_the_environment_says_is_understood(name: str, text: str, value: Any) -> None:
    settings = load_settings({}, {f"MUNIMENT_{name.upper()}": text})

    assert getattr(settings, name) == value


@pytest.mark.parametrize(
    "host",
    [
        *("http://a.example", "a.example/x", "a.example:80", "u@a.example", "a..b", "*", "*."),
        *(
            "*a.example",
            "a.*.example",
            "10.0.0.0/8",
            "a.example#x",
            "a.example?x",
            "::1",
            "1.2.3.4.5",
        ),
    ],
)
def test_a_host_that_would_never_match_is_no_setting(host: str) -> None:
    """A list of hosts that are denied must not leave one out without a word."""
    with pytest.raises(SettingsError, match=r"(?i)webhooks_denied_hosts"):
        load_settings({}, {"MUNIMENT_WEBHOOKS_DENIED_HOSTS": host})


def test_an_empty_variable_takes_back_what_the_file_says(tmp_path: Path) -> None:
    """`MUNIMENT_KAFKA_URL= make run` asks for the embedded one."""
    config = write_config(tmp_path, 'kafka_url = "a:9092"\n')

    assert load_settings({"config": config}, {"MUNIMENT_KAFKA_URL": ""}).kafka_url is None


def test_lists_and_tables_are_native_in_the_file(tmp_path: Path) -> None:
    config = write_config(
        tmp_path,
        """
        auth_policies = ["basicauth"]
        webhooks_allowed_networks = ["127.0.0.0/8", "::1/128"]
        [record_cache_expires_seconds_by_parent]
        atlas = 60
        "atlas.stations" = 5
        """,
    )

    settings = load_settings({"config": config}, {})

    assert settings.auth_policies == ("basicauth",)
    assert [str(each) for each in settings.webhooks_allowed_networks] == ["127.0.0.0/8", "::1/128"]
    assert settings.record_cache_seconds("atlas", "stations") == 5
    assert settings.record_cache_seconds("atlas", "other") == 60
    assert settings.record_cache_seconds("other", "stations") is None


@pytest.mark.parametrize(
    ("overrides", "environ", "sentence"),
    [
        pytest.param(
            {},
            {"MUNIMENT_HTTP_PROT": "1"},
            "MUNIMENT_HTTP_PROT is no setting of Muniment; did you mean MUNIMENT_HTTP_PORT?",
            id="unknown variable",
        ),
        pytest.param(
            {},
            {"MUNIMENT_http_port": "1"},
            "MUNIMENT_http_port is no setting of Muniment; did you mean MUNIMENT_HTTP_PORT?",
            id="variable in small letters",
        ),
        pytest.param(
            {"htp_port": "1"},
            {},
            '"htp_port" (given by a flag) is no setting of Muniment; did you mean "http_port"?',
            id="unknown flag",
        ),
        pytest.param(
            {},
            {"MUNIMENT_OBJECT_RECORD_PUTT_ENABLED": "false"},
            "MUNIMENT_OBJECT_RECORD_PUTT_ENABLED is no setting of Muniment; "
            "did you mean MUNIMENT_OBJECT_RECORD_PUT_ENABLED?",
            id="unknown switch",
        ),
        pytest.param(
            {}, {"MUNIMENT_QQQ": "1"}, "MUNIMENT_QQQ is no setting of Muniment.", id="nothing near"
        ),
        pytest.param(
            {},
            {"MUNIMENT_AUTH_POLICIES": "basic"},
            "MUNIMENT_AUTH_POLICIES does not fit: input should be 'account', 'basicauth' or "
            "'openid'.",
            id="not a choice",
        ),
        pytest.param(
            {},
            {"MUNIMENT_KAFKA_URL": "localhost"},
            "MUNIMENT_KAFKA_URL does not fit: 'localhost' is not host:port.",
            id="not a server",
        ),
        pytest.param(
            {},
            {"MUNIMENT_MIN_INSYNC_REPLICAS": "2"},
            "The settings do not fit together: min_insync_replicas is 2, more than "
            "replication_factor, which is 1: no write could count.",
            id="two that contradict each other",
        ),
        pytest.param(
            {"config": "nowhere.toml"},
            {},
            "The configuration file nowhere.toml does not exist.",
            id="no such file",
        ),
        pytest.param(
            {"http_host": "0.0.0.0"},
            {},
            '"http_host" (given by a flag) does not fit: it is the host in the URLs of answers; '
            "to listen there, set http_bind_host.",
            id="the other host",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    overrides: dict[str, str], environ: dict[str, str], sentence: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings(overrides, environ)

    assert str(raised.value) == sentence
    assert raised.value.exit_code == 2


def test_a_wrong_key_in_the_file_is_named_with_the_file(tmp_path: Path) -> None:
    config = write_config(tmp_path, "htp_port = 1\n")

    with pytest.raises(SettingsError, match=r'"htp_port" in .*given\.toml .* mean "http_port"\?'):
        load_settings({"config": config}, {})


def test_a_broken_file_is_one_sentence(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http_port = \n")

    with pytest.raises(SettingsError, match=r"given\.toml is not valid TOML: Invalid value"):
        load_settings({"config": config}, {})


def test_a_folder_as_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"can't be read: is a directory\.$"):
        load_settings({"config": str(tmp_path)}, {})


def test_a_secret_is_never_in_an_error() -> None:
    with pytest.raises(SettingsError) as raised:
        load_settings({}, {"MUNIMENT_POSTGRES_URL": "mysql://u:hunter2@host/db"})

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "masked"),
    [
        ("postgres_url", "postgresql://u:hunter2@h/db", f"postgresql://u:{MASK}@h/db"),
        (
            "postgres_url",
            "postgresql://h/d?user=u&password=hunter2",
            f"postgresql://h/d?user=u&password={MASK}",
        ),
        ("kafka_url", "kafka+ssl://u:hun@ter2@h:9093", f"kafka+ssl://u:{MASK}@h:9093"),
        ("kafka_url", "u:hunter2@h:9092,i:9092", f"kafka://u:{MASK}@h:9092,i:9092"),
        ("account_write_principals", "account:n@d.ia", "account:n@d.ia"),
        ("secret_key", "hunter2", MASK),
        ("userid_hmac_secret", "hunter2", MASK),
        ("default_bucket_hmac_secret", "hunter2", MASK),
        ("webhooks_secret", "hunter2", MASK),
    ],
)
def test_secrets_are_masked(name: str, value: str, masked: str) -> None:
    settings = load_settings({name: value}, {})

    assert shown(settings, name) == (masked, "flag")
    assert "hunter2" not in repr(settings)


def test_every_setting_has_a_meaning_that_is_a_sentence() -> None:
    meanings = {row.name: row.meaning for row in describe(Settings())}

    assert set(meanings) == set(Settings.model_fields)
    assert [name for name, meaning in meanings.items() if not meaning.endswith(".")] == []


def test_the_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().http_port = 1  # type: ignore[misc]  # what is tried is what the type forbids


def test_a_method_can_be_switched_off_by_its_own_name() -> None:
    settings = load_settings({}, {"MUNIMENT_OBJECT_RECORD_DELETE_ENABLED": "false"})

    assert not settings.is_method_enabled("object", "record", "DELETE")
    assert settings.is_method_enabled("plural", "record", "DELETE")
    assert shown(settings, "method_switches")[1] == "environment"


def test_principals_are_found_by_type_and_permission() -> None:
    settings = load_settings({"group_read_principals": "account:pia"}, {})

    assert settings.principals("group", "read") == ("account:pia",)
    assert settings.principals("bucket", "create") == ("system.Authenticated",)
    assert settings.principals("record", "write") == ()


def test_an_instance_is_named_by_its_port_and_reached_where_it_listens() -> None:
    settings = load_settings({"http_port": "9001"}, {})

    assert settings.instance_id.endswith("-9001")
    assert settings.instance_url == "http://127.0.0.1:9001"


def test_an_instance_on_all_interfaces_is_reached_by_its_name() -> None:
    settings = load_settings({"http_bind_host": "::"}, {})

    assert settings.instance_url.startswith("http://")
    assert "::" not in settings.instance_url


def test_the_example_file_says_the_defaults() -> None:
    """Each line can be uncommented as it stands and changes nothing."""
    lines = example_toml().splitlines()
    uncommented = "\n".join(
        line.removeprefix("#") for line in lines if line.startswith("#") and line[1:2] != " "
    )

    values = tomllib.loads(uncommented)

    assert set(values) == set(Settings.model_fields)


def test_the_example_file_can_be_used(tmp_path: Path) -> None:
    lines = example_toml().splitlines()
    config = write_config(
        tmp_path,
        "\n".join(line if line.startswith("# ") else line.removeprefix("#") for line in lines),
    )

    assert load_settings({"config": config}, {}).model_dump() == Settings().model_dump()


def test_development_settings_on_an_open_port_are_doubtful() -> None:
    settings = load_settings(
        {"http_bind_host": "0.0.0.0", "auth_policies": "account basicauth", "flush_enabled": "1"},
        {},
    )

    assert len(doubts(settings)) == 4


def test_development_settings_on_loopback_are_not() -> None:
    assert doubts(load_settings({"auth_policies": "basicauth", "flush_enabled": "1"}, {})) == ()
