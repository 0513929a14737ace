"""A tool with an API of its own on loopback, and the connector that asks it. Its pages are Tasuki's own JSON."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import EntryPoint
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import Field

from connectors import registry
from connectors.contract import AskFailed, Connector, ExternalId, Page
from connectors.standard.connector import StandardConfig, StandardConnector

#: What the tool gives out at once.
PAGE = 2
#: How much every poll reads again.
OVERLAP = timedelta(minutes=5)
CREDENTIAL = "tool-token-4711-never-shown"


class AskedConfig(StandardConfig):
    api: str = Field("", description="Where the tool answers.")


class AskedConnector(StandardConnector):
    """The tool's events carry the same ids however they come."""

    kind = "asked"
    config_model = AskedConfig
    role = "sfa"

    def start(self, since: datetime) -> dict[str, Any]:
        return {"since": since.isoformat(), "after": 0}

    def poll(
        self, cursor: dict[str, Any], until: datetime, config: AskedConfig, credential: str, http: httpx.Client
    ) -> Page:
        said, url = _get(http, config, credential, "/changes", {**cursor, "until": until.isoformat()})
        through = datetime.fromisoformat(said["through"])
        on = {"since": cursor["since"], "after": cursor["after"] + PAGE}
        again = {"since": (through - OVERLAP).isoformat(), "after": 0}
        body = json.dumps({"data": said["data"]}).encode()
        return Page(url, body, on if said["more"] else again, through, said["more"])

    def ask_about(
        self, lead: Sequence[ExternalId], since: datetime, config: AskedConfig, credential: str, http: httpx.Client
    ) -> Page:
        said, url = _get(http, config, credential, f"/leads/{lead[0].value}", {"since": since.isoformat()})
        return Page(url, json.dumps({"data": said["data"]}).encode(), {}, datetime.fromisoformat(said["through"]))


CONNECTOR: Connector[AskedConfig] = AskedConnector()


def _get(http: httpx.Client, config: AskedConfig, credential: str, path: str, query: dict[str, Any]) -> Any:
    try:
        answer = http.get(config.api + path, params=query, headers={"Authorization": f"Bearer {credential}"})
    except httpx.RequestError as lost:
        raise AskFailed(f"the tool could not be reached ({type(lost).__name__})", retry_after=1) from None
    if answer.status_code == 401:
        raise AskFailed("the tool no longer accepts the token (401)")
    if answer.status_code >= 400:
        seconds = float(answer.headers.get("Retry-After", 1))
        raise AskFailed(f"the tool has trouble ({answer.status_code})", retry_after=seconds)
    return answer.json(), f"{path}?{answer.request.url.query.decode()}"


@dataclass
class Tool:
    """What happened in it, and how its API behaves."""

    #: (when it was changed, the event as its own JSON)
    changes: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)
    #: Every question, without its host.
    asked: list[str] = field(default_factory=list)
    #: Answered with instead, one after the other: (status, headers).
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    #: Happens while a question is answered; its number, from 1.
    meanwhile: Callable[[int], object] = field(default=lambda _: None)
    port: int = 0
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def happened(self, event: dict[str, Any], at: datetime | None = None) -> dict[str, Any]:
        """It is written down in the tool at that time; otherwise when it occurred."""
        self.changes.append((at or datetime.fromisoformat(event["occurred_at"]), event))
        return event

    def answer(self, url: str) -> tuple[int, dict[str, str], Any]:
        self.asked.append(url)
        self.meanwhile(len(self.asked))
        if self.refusals:
            return *self.refusals.pop(0), {"message": "no"}
        parts = urlsplit(url)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        since = datetime.fromisoformat(asked["since"])
        if parts.path.startswith("/leads/"):
            return 200, {}, self._about(parts.path.rpartition("/")[2], since)
        return 200, {}, self._page(since, datetime.fromisoformat(asked["until"]), int(asked["after"]))

    def _about(self, lead: str, since: datetime) -> Any:
        of_lead = [event for at, event in self.changes if event["lead"]["id"] == lead and at >= since]
        return {"data": [e for e in of_lead if e["kind"] == "follow_up"], "through": self.clock().isoformat()}

    def _page(self, since: datetime, until: datetime, after: int) -> Any:
        found = sorted((at, event["id"], event) for at, event in self.changes if since <= at <= until)
        page = found[after : after + PAGE]
        more = after + PAGE < len(found)
        return {"data": [e for *_, e in page], "more": more, "through": (page[-1][0] if more else until).isoformat()}


@contextmanager
def running(tool: Tool) -> Iterator[Tool]:
    """The tool's API answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers["Authorization"] != f"Bearer {CREDENTIAL}":
                status, headers, said = 401, {}, {}
            else:
                status, headers, said = tool.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", tool.port), Handler)
    server.daemon_threads = True
    tool.port = server.server_port
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield tool
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The connector is there, as one of another package."""
    entries = [EntryPoint("asked", "tests.asked:CONNECTOR", registry.GROUP)]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries if group == registry.GROUP else [])
    registry.connector.cache_clear()
    try:
        yield
    finally:
        registry.connector.cache_clear()


def called(lead: str, at: datetime, number: str = "1") -> dict[str, Any]:
    """Somebody called, as the tool says it."""
    return {
        "id": f"call-{lead}-{number}",
        "kind": "follow_up",
        "occurred_at": at.isoformat(),
        "lead": {"id": lead},
        "channel": "call",
        "automated": False,
        "by": "田中 舞",
    }


def downloaded(lead: str, asset: str, at: datetime) -> dict[str, Any]:
    about = {"id": f"dl-{lead}-{asset}", "kind": "activity", "occurred_at": at.isoformat(), "lead": {"id": lead}}
    return about | {"activity": "download", "asset": asset, "title": f"資料 {asset}"}


def scored(lead: str, at: datetime, score: int = 86) -> dict[str, Any]:
    about = {"id": f"score-{lead}-{score}", "kind": "score", "occurred_at": at.isoformat(), "lead": {"id": lead}}
    return about | {"score": score}


def qualified(lead: str, at: datetime) -> list[dict[str, Any]]:
    """Everything that makes the lead an MQL at that moment."""
    return [*(downloaded(lead, f"a{n}", at - timedelta(hours=n)) for n in (3, 2, 1)), scored(lead, at)]
