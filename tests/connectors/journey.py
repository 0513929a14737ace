"""What happens to leads when a tool's webhooks are lost, doubled and shuffled, through the real application.

A tool's test module supplies its account, small enough to test with, and one subclass:

    class PipedriveVendor(Vendor): ...

    class TestPipedriveJourney(SalesJourney):
        vendor = PipedriveVendor

A tool of marketing takes `MarketingJourney`. The account answers the tool's API on a loopback server (`answer`) and
collects its webhooks in `sent`; it acts at `self.clock()`. Where polls do not show deletions, the connector asks again
by ids (`contract.AsksAgain`). Neither base class is collected by itself.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import httpx
import pytest

from connectors.asking import Limiter
from tests.clock.conftest import world as world
from tests.clock.world import World

#: How the tool's news arrive, all of them, only by polls, or with losses, doubles and in any order; and into what.
WAYS = pytest.mark.parametrize(
    ("database_url", "way"),
    [("sqlite", "pushed"), ("sqlite", "polled"), ("sqlite", "luck-1"), ("postgres", "luck-2")],
    indirect=["database_url"],
)


@dataclass(frozen=True, slots=True)
class Sent:
    """A webhook as the tool sends it."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    #: Behind the `?` of the source's address.
    query: str = ""


class Vendor:
    """A tool with its records. Leads are known to it by a handle like `sato`, people by `sato@example.jp`."""

    kind: ClassVar[str]
    #: Sends webhooks; answers polls.
    pushes: ClassVar[bool] = True
    polls: ClassVar[bool] = True
    secret: ClassVar[str] = "whsec_c2VjcmV0LW9mLWEtdG9vbC10aGF0LWlzLWxvbmc="

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.sent: list[Sent] = []

    def config(self, base: str) -> dict[str, Any]:
        """The source's configuration; the API is at `base`, `http://127.0.0.1:…`."""
        raise NotImplementedError

    def credential(self, base: str) -> str:
        raise NotImplementedError

    def answer(self, request: httpx.Request) -> httpx.Response:
        raise NotImplementedError

    def person(self, lead: str, email: str, name: str) -> None:
        """A new record of a lead."""
        raise NotImplementedError

    # --- tools of sales

    def owner(self, lead: str, user: str) -> None:
        """`user`: `rep-1`; the account may know the user under an id of its own."""
        raise NotImplementedError

    def call(self, lead: str) -> None:
        """Somebody called just now, and logs it."""
        raise NotImplementedError

    def plan_call(self, lead: str) -> None:
        """Somebody means to call tomorrow."""
        raise NotImplementedError

    def delete_call(self, lead: str) -> None:
        """The lead's logged call is deleted."""
        raise NotImplementedError

    # --- tools of marketing

    def download(self, lead: str, asset: str) -> None:
        raise NotImplementedError

    def score(self, lead: str, points: int) -> None:
        raise NotImplementedError


class Post:
    """Brings the tool's webhooks, well or badly."""

    def __init__(self, world: World, vendor: Vendor, way: str) -> None:
        self.world, self.vendor, self.way = world, vendor, way
        self.chance = random.Random(way)
        self.underway: list[Sent] = []

    def bring(self, *, all_of_it: bool = False) -> None:
        """What was sent meanwhile arrives: in order, not at all, or some of it, some twice, some later."""
        self.underway += self.vendor.sent
        self.vendor.sent.clear()
        for sent in self._arriving(all_of_it=all_of_it):
            self._deliver(sent)
        self.world.turn()

    def _arriving(self, *, all_of_it: bool) -> list[Sent]:
        waiting, self.underway = self.underway, []
        if self.way == "pushed":
            return waiting
        if self.way == "polled":
            return []
        arriving = []
        for sent in waiting:
            match self.chance.choice(("lost", "now", "now", "twice", "later")):
                case "lost":
                    continue
                case "later" if not all_of_it:
                    self.underway.append(sent)
                case "twice":
                    arriving += [sent, sent]
                case _:
                    arriving.append(sent)
        self.chance.shuffle(arriving)
        return arriving

    def _deliver(self, sent: Sent) -> None:
        path = f"/webhooks/tool?{sent.query}" if sent.query else "/webhooks/tool"
        answer = self.world.client.post(path, content=sent.body, headers=sent.headers)
        assert 200 <= answer.status_code < 300, answer.text


class _Journey:
    vendor: ClassVar[type[Vendor]]

    @pytest.fixture(autouse=True)
    def _no_waiting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A year of polls in a minute: limits are tested where they are made."""
        monkeypatch.setattr(Limiter, "take", lambda *_: 0.0)

    @contextmanager
    def connected(self, world: World, way: str, role: str) -> Iterator[tuple[Vendor, Post]]:
        vendor = self.vendor(world.clock)
        if (way == "pushed" and not vendor.pushes) or (way == "polled" and not vendor.polls):
            pytest.skip("the tool has no such way")
        with served(vendor) as base:
            config = {"poll_every_minutes": 240, "role": role} | vendor.config(base)
            credential = {"credential": vendor.credential(base)}
            new = {"name": "tool", "kind": vendor.kind, "config": config, "secret": vendor.secret}
            world.tell("/v1/sources", **new | credential)
            yield vendor, Post(world, vendor, way)


class SalesJourney(_Journey):
    """Marketing tells by Tasuki's own JSON who became MQL; the tool tells what sales did."""

    @WAYS
    def test_every_verdict_is_right_however_the_news_came(self, world: World, way: str) -> None:
        with self.connected(world, way, "sfa") as (tool, post):
            world.at("2026-04-01 10:00")
            for lead in ("early", "late", "planned", "deleted", "silent"):
                tool.person(lead, f"{lead}@example.jp", lead.capitalize())
                tool.owner(lead, "rep-1")
                world.becomes_mql(lead, world.clock())
            post.bring()
            world.at("2026-04-01 11:00")
            tool.call("early")
            tool.call("deleted")
            tool.plan_call("planned")
            post.bring()
            world.at("2026-04-01 16:00")
            post.bring()
            world.at("2026-04-06 12:00")
            tool.call("late")
            tool.delete_call("deleted")
            post.bring()
            world.at("2026-04-06 18:00")
            post.bring(all_of_it=True)
            world.at("2026-04-07 12:00")
            found = {lead: world.verdict(lead) for lead in ("early", "late", "planned", "deleted", "silent")}
            missed = dict.fromkeys(("planned", "deleted", "silent"), "breached")
            assert found == {"early": "met", "late": "met_late"} | missed
            assert world.standings("late") == ["late"]
            assert world.quarantined() == []


class MarketingJourney(_Journey):
    """The tool tells what leads did; sales tells by Tasuki's own JSON what became of them."""

    @WAYS
    def test_every_mql_is_found_when_it_became_one(self, world: World, way: str) -> None:
        with self.connected(world, way, "ma") as (tool, post):
            began = world.at("2026-04-01 09:30")
            for lead in ("ripe", "unripe", "cold"):
                tool.person(lead, f"{lead}@example.jp", lead.capitalize())
            post.bring()
            for number in range(3):
                world.later(minutes=10)
                tool.download("ripe", f"wp-{number}")
                tool.download("cold", f"wp-{number}")
                if number < 2:
                    tool.download("unripe", f"wp-{number}")
                post.bring()
            scored = world.later(minutes=10)
            for lead, points in (("ripe", 86), ("unripe", 90), ("cold", 60)):
                tool.score(lead, points)
            post.bring()
            world.later(minutes=10)
            post.bring(all_of_it=True)
            world.at("2026-04-01 18:00")
            (handoff,) = world.get("/v1/handoffs")["items"]
            assert handoff["lead"]["name"] == "Ripe"
            became = datetime.fromisoformat(handoff["qualified_at"])
            assert abs(became - scored) <= timedelta(minutes=1)
            assert began < became
            call = world.fact("follow_up", "ripe", channel="call", automated=False)
            world.send(call | {"lead": {"id": "s-ripe", "email": "ripe@example.jp"}})
            (handoff,) = world.get("/v1/handoffs")["items"]
            assert handoff["verdict"] == "met"
            assert world.quarantined() == []


@contextmanager
def served(vendor: Vendor) -> Iterator[str]:
    """The tool's API on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            url = f"http://{self.headers['host']}{self.path}"
            said = vendor.answer(httpx.Request(self.command, url, headers=list(self.headers.items()), content=body))
            self.send_response(said.status_code)
            for name, value in said.headers.items():
                if name not in ("content-length", "transfer-encoding"):
                    self.send_header(name, value)
            self.send_header("content-length", str(len(said.content)))
            self.end_headers()
            self.wfile.write(said.content)

        do_POST = do_PUT = do_PATCH = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing to say."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
