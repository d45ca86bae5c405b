"""The machine that plays random requests, and what it looks at after each of them."""

from collections import deque
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support.model import drawn_bodies, drawn_requests, wishes
from tests.support.model.answering import expect
from tests.support.model.comparing import differences
from tests.support.model.messages import Answer, Expected, Request
from tests.support.model.rights import may
from tests.support.model.wire import Wire, curl
from tests.support.model.world import Data, Thing, Turn, Unseen, World, place_of

PASSWORD: Final = "password"
VIEWERS: Final = (*wishes.USERS, None)
ACCOUNT: Final = "acct"
TOLD_MAX: Final = 40


class Difference(AssertionError):
    """An answer is not the one that the contract says."""


@dataclass(slots=True)
class Server:
    """A running Muniment and its users."""

    wire: Wire
    users: dict[str, str]
    own_buckets: dict[str, str]
    requests: int = 0

    def emptied(self) -> World:
        """Flush it, and sign up the one user who needs an account."""
        answer = self.wire(Request(user=None, method="POST", path="/__flush__", body={}))
        assert answer.status == 202, answer
        body = {"data": {"password": PASSWORD}}
        path = f"/accounts/{ACCOUNT}"
        answer = self.wire(Request(user=None, method="PUT", path=path, body=body))
        assert answer.status == 201, answer
        acl = {"write": {f"account:{ACCOUNT}"}}
        return World(
            users=self.users,
            own_buckets=self.own_buckets,
            things={path: Thing("account", answer.body["data"], acl)},
        )


@contextmanager
def open_server(port: int) -> Generator[Server]:
    """The server on that port, with the ids that it gives its users."""
    wire = Wire(port, dict.fromkeys(wishes.USERS, PASSWORD))
    server = Server(wire, users={}, own_buckets={})
    server.emptied()
    for name in wishes.USERS:
        told: Data = wire(Request(user=name, method="GET", path="/")).body["user"]
        server.users[name], server.own_buckets[name] = told["id"], told["bucket"]
    assert server.users[ACCOUNT] == f"account:{ACCOUNT}"
    yield server
    wire.close()


class Machine(RuleBasedStateMachine):
    """Plays wishes on an empty server, beside its model."""

    server: ClassVar[Server]

    def __init__(self) -> None:
        super().__init__()
        self.world = self.server.emptied()
        self.told: deque[str] = deque(maxlen=TOLD_MAX)
        self.next_pages: list[Request] = []
        self.steps = 0
        self.has_failed = False

    @initialize(
        bucket=drawn_bodies.permissions("bucket"),
        collection=drawn_bodies.bodies_of_begin("collection"),
        members=st.lists(st.sampled_from(["$nadia", "$omar", "$pia"]), max_size=2),
        records=st.lists(drawn_bodies.bodies_of_begin("record"), min_size=3, max_size=3),
    )
    def begin(
        self, bucket: Data, collection: Data, members: list[str], records: list[Data]
    ) -> None:
        """Nadia has a bucket with something of everything, Omar one with a collection."""
        atlas, birds = "/buckets/atlas", "/buckets/birds"
        stations = f"{atlas}/collections/stations"
        for user, path, body in (
            ("nadia", atlas, {"permissions": bucket}),
            ("nadia", stations, collection),
            ("nadia", f"{atlas}/groups/curators", {"data": {"members": members}}),
            ("omar", birds, {}),
            ("omar", f"{birds}/collections/stations", {}),
            *(("nadia", f"{stations}/records/r{n}", body) for n, body in enumerate(records, 1)),
        ):
            request = wishes.Wish(user=user, method="PUT", path=path, body=body)
            self.ask(wishes.resolved(self.world, request))
            self.learn_unseen()

    @rule(wish=drawn_requests.puts())
    def put(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(wish=st.one_of(drawn_requests.posts(), drawn_requests.puts()))
    def post(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(wish=drawn_requests.patches())
    def patch(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(wish=drawn_requests.patches())
    def patch_again(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(wish=st.one_of(drawn_requests.deletes(), drawn_requests.clearings()))
    def delete(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(wish=drawn_requests.gets())
    def get(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(wish=drawn_requests.listings())
    def list_(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(wish=drawn_requests.batches())
    def batch(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(
        wish=st.one_of(
            drawn_requests.histories(), drawn_requests.permission_lists(), drawn_requests.defaults()
        )
    )
    def others(self, wish: wishes.Wish) -> None:
        self.play(wish)

    @rule(path=drawn_bodies.homes)
    def bring_back(self, path: str) -> None:
        """Make again what the other rules have deleted, so that they meet something."""
        self.play(wishes.Wish(user="nadia", method="PUT", path=path, body={}))

    @rule(index=st.integers(0, 3), user=drawn_bodies.users)
    def turn_page(self, index: int, user: str | None) -> None:
        """Follow one of the newest `Next-Page`, as whoever got it or as somebody else."""
        if index < len(self.next_pages):
            request = self.next_pages[-1 - index]
            self.ask(request if index % 2 else replace(request, user=user))
            if request.method == "DELETE":
                self.look_at(request)

    def play(self, wish: wishes.Wish) -> None:
        """Send the wish; if it may have changed something, look at what it left."""
        self.steps += 1
        request = wishes.resolved(self.world, wish)
        self.ask(request)
        self.learn_unseen()
        if request.method not in ("GET", "HEAD"):
            self.look_at(request)

    def ask(self, request: Request) -> Answer:
        """Send one request and hold the answer against the model's."""
        self.has_failed = True  # Until it is known that it has not.
        answer = self.server.wire(request)
        self.server.requests += 1
        expected, found = expect(self.world, request, answer)
        found += differences(request, expected, answer)
        self.told.append(f"{curl(request)}\n      -> {answer.status}")
        if found:
            note("\n".join(self.told))
            raise Difference("\n".join([curl(request), *found, f"the answer was {answer}"]))
        self.remember_page(request, expected, answer)
        self.has_failed = False
        return answer

    def remember_page(self, request: Request, expected: Expected, answer: Answer) -> None:
        """QP-2: the next page's URL is the request's own, with a limit and a token."""
        if expected.next_page_after is None:
            return
        url = answer.headers["next-page"]
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        own = [pair for pair in query if pair[0] not in ("_limit", "_token")]
        asked = [pair for pair in request.query if pair[0] not in ("_limit", "_token")]
        assert url.startswith(f"{self.server.wire.origin}/v1/"), url
        assert sorted(own) == sorted(asked), url
        path = unquote(parts.path).removeprefix("/v1")
        self.world.pages[dict(query)["_token"]] = Turn(expected.next_page_after, answer.etag)
        # A deletion changes the list, so that what held for its first page fails the next.
        headers: Mapping[str, str] = {} if request.method == "DELETE" else request.headers
        self.next_pages.append(replace(request, path=path, query=tuple(query), headers=headers))

    def look_at(self, request: Request) -> None:
        """Read your write; and somebody looks at the list, with its tombstones."""
        inner: list[Data] = request.body["requests"] if request.path == "/batch" else []
        paths = [unquote(item["path"]).partition("?")[0].removeprefix("/v1") for item in inner]
        for path in dict.fromkeys(paths or [request.path]):
            if path.startswith("/buckets/default"):
                continue
            place = place_of(path)
            if place.kind == "history":
                self.ask(Request(user=request.user, method="GET", path=path))
                continue
            viewer = VIEWERS[self.steps % len(VIEWERS)]
            if place.id is not None:
                self.ask(Request(user=request.user, method="GET", path=path))
            query = (("_since", "0"),) if self.steps % 3 else ()
            self.ask(Request(user=viewer, method="GET", path=place.list_uri, query=query))

    def learn_unseen(self) -> None:
        """Look at what the server made by itself, as someone who may."""
        for uri, thing in self.world.things.items():
            stamp = thing.data["last_modified"]
            if isinstance(stamp, Unseen) and (reader := self.someone_who_may("read", uri)):
                answer = self.ask(Request(user=reader, method="GET", path=uri))
                thing.data["last_modified"] = answer.body["data"]["last_modified"]
                list_uri = place_of(uri).list_uri
                if self.world.stamps[list_uri] == stamp:
                    self.world.stamps[list_uri] = thing.data["last_modified"]
        for uri, stamp in list(self.world.stamps.items()):
            if isinstance(stamp, Unseen) and (reader := self.someone_who_may("list", uri)):
                self.ask(Request(user=reader, method="HEAD", path=uri))

    def someone_who_may(self, action: str, uri: str) -> str | None:
        kind = place_of(uri).kind
        able = (name for name in wishes.USERS if may(self.world, name, kind, action, uri))
        return next(able, None)

    def hold_principals(self, viewer: str | None) -> None:
        """HELLO-1, HELLO-2: the root view tells whom a requester counts as."""
        shown: Data = self.server.wire(Request(user=viewer, method="GET", path="/")).body
        principals = shown.get("user", {}).get("principals", [])
        wanted = self.world.principals(viewer) if viewer is not None else set[str]()
        if sorted(principals) != sorted(wanted):
            self.has_failed = True
            raise Difference(f"{viewer} counts as {principals}, and not as {wanted}")

    def teardown(self) -> None:
        """Everybody looks at everything."""
        if self.has_failed:
            return
        lists = ["/buckets", "/permissions"]
        for uri, thing in self.world.things.items():
            if thing.kind == "bucket":
                lists += [f"{uri}/collections", f"{uri}/groups", f"{uri}/history"]
            if thing.kind == "collection":
                lists.append(f"{uri}/records")
        objects = [uri for uri, thing in self.world.things.items() if thing.kind != "account"]
        for viewer in VIEWERS:
            self.hold_principals(viewer)
            for path in lists:
                answer = self.ask(Request(user=viewer, method="GET", path=path))
                if path.endswith("/history") and answer.status == 200:
                    hold_in_order(answer)
                since = (("_since", "0"),)
                if not path.endswith(("/history", "/permissions")):
                    self.ask(Request(user=viewer, method="HEAD", path=path, query=since))
            for path in objects:
                self.ask(Request(user=viewer, method="GET", path=path))


def machine_on(server_: Server) -> type[Machine]:
    """The machine, for that server."""

    class OnServer(Machine):
        server = server_

    return OnServer


def hold_in_order(answer: Answer) -> None:
    """HIS-4, HIS-9: entries are newest first, with timestamps and ids of their own."""
    entries: list[Data] = answer.body["data"]
    stamps: list[Any] = [entry["last_modified"] for entry in entries]
    assert stamps == sorted(set(stamps), reverse=True), stamps
    assert len({entry["id"] for entry in entries}) == len(entries), entries
    assert not stamps or answer.etag is None or stamps[0] <= answer.etag, answer
