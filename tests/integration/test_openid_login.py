"""The login of a browser by the server, from `/login` to the callback (section 21)."""

import base64
from collections.abc import Generator
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
import pytest
import requests

from tests.clients.requester import refusal
from tests.support.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, running_issuer
from tests.support.server import MunimentServer, running_server, wait_until
from tests.support.stack import Stack, new_database, new_name

CALLBACK: Final = "https://app.example.org/#token="


@pytest.fixture(scope="module")
def issuer() -> Generator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def server(
    stack: Stack, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Generator[MunimentServer]:
    data_dir = tmp_path_factory.mktemp("openid") / "data"
    with (
        new_database(stack) as postgres_url,
        running_server(
            data_dir,
            stack=Stack(stack.kafka_url, postgres_url),
            settings={
                "topic_prefix": new_name(),
                "auth_policies": "openid",
                "openid_issuer": issuer.url,
                "openid_client_id": CLIENT_ID,
                "openid_client_secret": CLIENT_SECRET,
                "openid_provider": "auth0",
                "openid_callback_origins": "https://app.example.org",
            },
        ) as server,
    ):
        yield server


def get(url: str, headers: Any = None, **query: str) -> requests.Response:
    return requests.get(url, params=query, headers=headers, timeout=15, allow_redirects=False)


def login(server: MunimentServer, **query: str) -> requests.Response:
    asked = {"callback": CALLBACK, "scope": "openid email", **query}
    return get(f"{server.url}/openid/auth0/login", **asked)


def query_of(answer: requests.Response) -> dict[str, str]:
    query = urlsplit(answer.headers["Location"]).query
    return {name: values[0] for name, values in parse_qs(query).items()}


def test_the_root_view_tells_where_to_log_in(server: MunimentServer, issuer: Issuer) -> None:
    """Table 3.3."""

    def provider() -> Any:
        return get(f"{server.url}/").json()["capabilities"]["openid"]["providers"][0]

    wait_until(lambda: provider()["userinfo_endpoint"] is not None, what="the provider")

    assert provider() == {
        "name": "auth0",
        "issuer": issuer.url,
        "auth_path": "/openid/auth0/login",
        "client_id": CLIENT_ID,
        "audience": None,
        "header_type": "Bearer",
        "userinfo_endpoint": f"{issuer.url}/userinfo",
    }


def test_a_bearer_token_lets_its_user_in(server: MunimentServer, issuer: Issuer) -> None:
    """AUTH-4, HELLO-2, AUTH-7."""
    headers = {"Authorization": f"Bearer {issuer.token(name='Nadia')}"}

    user = get(f"{server.url}/", headers).json()["user"]
    made = requests.put(f"{server.url}/buckets/{new_name()}", headers=headers, timeout=15)
    refused = get(f"{server.url}/buckets", {"Authorization": "Bearer a.b.c"})

    assert user["id"] == "auth0:nadia"
    assert user["profile"] == {"sub": "nadia", "name": "Nadia"}
    assert made.json()["permissions"] == {"write": ["auth0:nadia"]}
    assert refusal(refused) == (401, 104)
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="Realm"'


def test_a_login_goes_to_the_provider(server: MunimentServer, issuer: Issuer) -> None:
    """OID-1."""
    answer = login(server, prompt="none")
    asked = query_of(answer)

    assert answer.status_code == 307
    assert answer.headers["Location"].startswith(f"{issuer.url}/authorize?")
    assert asked.pop("state")
    assert asked == {
        "client_id": CLIENT_ID,
        "response_type": "code",
        "scope": "openid email",
        "redirect_uri": f"{server.url}/openid/auth0/token",
        "prompt": "none",
    }


def test_it_comes_back_with_the_providers_answer(server: MunimentServer, issuer: Issuer) -> None:
    """OID-2: base64 of the JSON, percent-encoded, after the callback."""
    state = query_of(login(server))["state"]

    answer = get(f"{server.url}/openid/auth0/token", code="good", state=state)

    assert answer.status_code == 307
    location = answer.headers["Location"]
    assert location.startswith(CALLBACK)
    told = base64.b64decode(unquote(location.removeprefix(CALLBACK)))
    assert orjson.loads(told) == {"access_token": "abc"}
    assert answer.headers["Cache-Control"] == "no-store"
    assert issuer.traded[-1] == {
        "code": "good",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uri": f"{server.url}/openid/auth0/token",
        "grant_type": "authorization_code",
    }


def test_a_state_is_good_for_one_return(server: MunimentServer) -> None:
    """OID-1, OID-2."""
    state = query_of(login(server))["state"]
    get(f"{server.url}/openid/auth0/token", code="good", state=state)

    again = get(f"{server.url}/openid/auth0/token", code="good", state=state)
    made_up = get(f"{server.url}/openid/auth0/token", code="good", state="0" * 64)

    for answer in (again, made_up):
        assert refusal(answer) == (400, 107)
        assert answer.json()["message"] == "Invalid state"
        assert answer.json()["details"][0]["errno"] == 105


def test_a_return_while_the_provider_is_away_may_come_again(
    server: MunimentServer, issuer: Issuer
) -> None:
    """SIG-2, OID-2: 503 with `Retry-After`, and the state is still good for the one return."""
    state = query_of(login(server))["state"]

    issuer.is_down = True
    try:
        early = get(f"{server.url}/openid/auth0/token", code="good", state=state)
    finally:
        issuer.is_down = False
    later = get(f"{server.url}/openid/auth0/token", code="good", state=state)
    again = get(f"{server.url}/openid/auth0/token", code="good", state=state)

    assert (early.status_code, "Retry-After" in early.headers) == (503, True)
    assert later.status_code == 307
    assert refusal(again) == (400, 107)


def test_a_code_that_the_provider_does_not_take_is_refused(server: MunimentServer) -> None:
    """400: it will never succeed."""
    state = query_of(login(server))["state"]

    answer = get(f"{server.url}/openid/auth0/token", code="bad", state=state)

    assert refusal(answer) == (400, 107)
    assert answer.json()["details"][0]["name"] == "code"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"callback": ""}, "callback"),
        ({"scope": ""}, "scope"),
        ({"prompt": "login"}, "prompt"),
        ({"callback": "https://evil.example.org/"}, "callback"),
        ({"callback": "https://app.example.org.evil.example.org/"}, "callback"),
        ({"callback": "https://app.example.org@evil.example.org/"}, "callback"),
        ({"callback": "https://app.example.org:444/"}, "callback"),
        ({"callback": "http://app.example.org/"}, "callback"),
        ({"callback": "javascript:alert(1)"}, "callback"),
        ({"callback": "https://app.example.org\\@evil.example.org/"}, "callback"),
        ({"callback": "https://app.example.org/\r\nX: y"}, "callback"),
    ],
    ids=str,
)
def test_a_login_that_asks_for_the_wrong_thing_is_refused(
    server: MunimentServer, query: dict[str, str], name: str
) -> None:
    """OID-1; a token must not be handed to whoever sent the link."""
    answer = login(server, **query)

    assert refusal(answer) == (400, 107)
    assert [each["name"] for each in answer.json()["details"]] == [name]


def test_an_unknown_provider_is_refused(server: MunimentServer) -> None:
    """OID-1."""
    for step in ("login", "token"):
        answer = get(
            f"{server.url}/openid/other/{step}", callback=CALLBACK, scope="a", code="c", state="s"
        )
        assert refusal(answer) == (400, 107)
        detail = answer.json()["details"][0]
        assert (detail["location"], detail["name"]) == ("path", "provider")
    assert refusal(get(f"{server.url}/openid/auth0/logout")) == (404, 111)
