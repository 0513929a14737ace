"""Two tools that are small enough to test with: one posts forms as its customer filled them in, one posts ids only."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote, urlencode
from zoneinfo import ZoneInfo

import httpx

from tests.connectors.journey import Sent, Vendor

JST = ZoneInfo("Asia/Tokyo")
FIELDS = {
    "id": "会員番号",
    "email": "メールアドレス",
    "name": ["姓", "名"],
    "score": "スコア",
    "event": "フォーム名",
    "asset": "資料名",
    "at": "送信日時",
}
EVENTS = {"資料請求": "activity download", "スコア更新": "lead"}
FORM = "application/x-www-form-urlencoded"


class WebFormVendor(Vendor):
    """Forms in Shift_JIS with times of the place, as an older tool sends them."""

    kind = "webform"
    polls = False

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.people: dict[str, dict[str, str]] = {}
        self.numbers = count(1024)

    def config(self, base: str) -> dict[str, Any]:
        return {"system": "satori", "fields": FIELDS, "events": EVENTS, "encoding": "shift_jis"}

    def credential(self, base: str) -> str:
        return "never-asked-for"

    def answer(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(404)

    def person(self, lead: str, email: str, name: str) -> None:
        self.people[lead] = {"会員番号": str(next(self.numbers)), "メールアドレス": email, "姓": name, "名": ""}
        self.post(lead)

    def download(self, lead: str, asset: str) -> None:
        self.post(lead, フォーム名="資料請求", 資料名=asset)

    def score(self, lead: str, points: int) -> None:
        self.post(lead, フォーム名="スコア更新", スコア=str(points))

    def post(self, lead: str, **said: str) -> None:
        at = f"{self.clock().astimezone(JST):%Y/%m/%d %H:%M:%S}"
        body = urlencode(self.people[lead] | said | {"送信日時": at}, encoding="cp932").encode()
        self.sent.append(Sent(body, {"content-type": FORM}, f"token={quote(self.secret, safe='')}"))


class ThinVendor(Vendor):
    """Says who changed and what was done, never what it is; its API answers for several ids at once."""

    kind = "webform"
    polls = False
    key = "api-key-never-shown"

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self.people: dict[str, dict[str, Any]] = {}
        self.numbers = count(1)
        self.asked: list[str] = []
        self.refusals: list[httpx.Response] = []
        self.several = True

    def config(self, base: str) -> dict[str, Any]:
        named = {"id": "sid", "email": "profile.email", "name": "profile.name", "score": "score", "event": "event"}
        url = f"{base}/v1/leads?sids={{ids}}" if self.several else f"{base}/v1/leads/{{id}}"
        thin = {"url": url, "ids": "sids", "record": "leads" if self.several else "lead", "auth": "header"}
        return {
            "fields": named | {"asset": "asset", "at": "at"},
            "events": {"download": "activity download", "changed": "lead"},
            "thin": thin | {"header": "X-API-Key"},
        }

    def credential(self, base: str) -> str:
        return self.key

    def person(self, lead: str, email: str, name: str) -> None:
        number = f"s-{next(self.numbers)}"
        self.people[lead] = {"sid": number, "profile": {"email": email, "name": name}, "score": 0}
        self.tell(lead, "changed")

    def download(self, lead: str, asset: str) -> None:
        self.tell(lead, "download", asset=asset)

    def score(self, lead: str, points: int) -> None:
        self.people[lead]["score"] = points
        self.tell(lead, "changed")

    def tell(self, lead: str, event: str, **said: str) -> None:
        told = {"event": event, "sids": [self.people[lead]["sid"]], "at": self.clock().isoformat()}
        headers = {"content-type": "application/json", "x-tasuki-token": self.secret}
        self.sent.append(Sent(json.dumps(told | said).encode(), headers))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if self.refusals:
            return self.refusals.pop(0)
        if request.headers.get("x-api-key") != self.key:
            return httpx.Response(401, json={"message": f"{request.headers}"})
        known = {person["sid"]: person for person in self.people.values()}
        if request.url.path == "/v1/leads":
            asked = parse_qs(request.url.query.decode())["sids"][0].split(",")
            return httpx.Response(200, json={"leads": [known[sid] for sid in asked if sid in known]})
        sid = request.url.path.removeprefix("/v1/leads/")
        return httpx.Response(200, json={"lead": known[sid]}) if sid in known else httpx.Response(404)
