"""The pages as a browser gets them: what they show, to whom, in which language, and that everybody can read them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select
from starlette.testclient import TestClient

import app.pages
from app.domain.clock import Verdict
from app.domain.language import translations
from app.flows import dossier, ledger, policies, sources, sweep, today
from app.flows.ledger import Fact
from app.models import HANDED_OVER, Delivery, Handoff, Lead, MeetingSeries
from app.state import State
from connectors.contract import ExternalId
from tests.conftest import Clock
from tests.flows.conftest import fact, mql

H, M = timedelta(hours=1), timedelta(minutes=1)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FOLDER = Path(app.pages.__file__).parent


def person(number: int) -> tuple[ExternalId, ...]:
    return (ExternalId("hubspot", f"{number}"),)


def handed(
    number: int, at: datetime, *, owner: str | None = None, touch: datetime | None = None, **lead: Any
) -> list[Fact]:
    """A lead that becomes MQL at that moment."""
    me = person(number)
    who = {"name": f"佐藤{number}", "company": f"会社{number}"} | lead
    facts = [fact("lead", at - 9 * H, lead=me, **who), *mql(at, lead=me)]
    if owner:
        facts.append(fact("owner", at + M, lead=me, owner=owner, name=f"{owner} さん"))
    if touch:
        facts.append(fact("follow_up", touch, lead=me, channel="call", automated=False, by="田中"))
    return facts


@pytest.fixture
def tell(state: State, clock: Clock) -> Callable[..., None]:
    """Facts that the tools reported, settled as of now."""

    def run(*facts: list[Fact]) -> None:
        with state.database.write() as c:
            ledger.apply(c, [f for some in facts for f in some], policies.all_versions(c), clock())
        sweep.run(state.database, state.versions, clock())

    return run


@pytest.fixture
def signed_in(sign_in_as: Callable[..., TestClient]) -> TestClient:
    return sign_in_as("rep")


def seen(state: State, now: datetime, **wanted: bool) -> today.Today:
    with state.database.read() as c:
        return today.read(c, state.versions.read(c), state.settings.zone, now, **wanted)


def id_of(state: State, number: int) -> int:
    with state.database.read() as c:
        query = (
            select(Handoff.id)
            .join(Lead, Lead.id == Handoff.lead_id)
            .where(Lead.company == f"会社{number}", HANDED_OVER)
        )
        return c.execute(query).scalar_one()


# --- what the start page knows


def test_handoffs_are_listed_by_time_left_and_breaches_by_newest_deadline(state, clock, tell) -> None:
    now = clock.advance(100 * H)
    tell(
        handed(1, now - 2 * H, owner="tanaka"),
        handed(2, now - 20 * H),
        handed(3, now - 23 * H, owner="suzuki"),
        handed(4, now - 30 * H),
        handed(5, now - 90 * H, owner="tanaka"),
        handed(6, now - 40 * H, touch=now - 39 * H),
    )
    shown = seen(state, now)
    assert [(line.lead.company, line.band) for line in shown.running.lines] == [
        ("会社3", "at_risk"),
        ("会社2", "at_risk"),
        ("会社1", "later"),
    ]
    assert [(line.lead.company, line.distance, line.working) for line in shown.breaches.lines] == [
        ("会社4", 6 * H, False),
        ("会社5", 66 * H, False),
    ]
    assert (shown.open, shown.at_risk, shown.overdue, shown.on_track, shown.ownerless) == (5, 2, 2, 1, 2)
    first = shown.running.lines[0]
    assert (first.owner, first.score, first.downloads, first.distance) == ("suzuki さん", 86, 3, H)


def test_handoffs_that_nobody_owns_can_be_listed_alone(state, clock, tell) -> None:
    now = clock.advance(100 * H)
    tell(
        handed(1, now - H, owner="tanaka"),
        handed(2, now - 2 * H),
        handed(3, now - 30 * H),
        handed(4, now - 31 * H, owner="x"),
    )
    shown = seen(state, now, ownerless=True)
    assert [line.lead.company for line in shown.running.lines] == ["会社2"]
    assert [line.lead.company for line in shown.breaches.lines] == ["会社3"]
    assert (shown.running.total, shown.breaches.total, shown.open) == (1, 1, 4)


def test_a_queue_is_no_owner(state, clock, tell) -> None:
    """Salesforce names the queue although nobody in particular owns the lead."""
    now = clock.advance(100 * H)
    tell([*handed(1, now - H), fact("owner", now - M, lead=person(1), owner=None, name="インサイドセールス待ち")])
    shown = seen(state, now)
    assert shown.running.lines[0].owner is None
    assert shown.ownerless == 1


@pytest.mark.parametrize("swept_after", [0 * H, 20 * H], ids=["on_track", "at_risk"])
def test_a_deadline_that_passed_before_the_sweep_came_is_overdue(state, clock, tell, swept_after) -> None:
    due_at = clock() + 24 * H
    tell(handed(1, clock()))
    clock.advance(swept_after)
    tell()
    at_the_deadline, later = seen(state, due_at), seen(state, due_at + timedelta(seconds=1))
    assert (at_the_deadline.running.total, at_the_deadline.open, at_the_deadline.overdue) == (1, 1, 0)
    assert (later.running.total, later.breaches.total, later.overdue) == (0, 1, 1)
    assert later.breaches.lines[0].band == "overdue"
    with state.database.read() as c:
        file = dossier.read(c, state.versions.read(c), id_of(state, 1), due_at + timedelta(seconds=1))
    assert file.verdict is Verdict.BREACHED


def test_fifty_rows_are_written_out_and_the_others_counted(state, clock, tell) -> None:
    now = clock.advance(100 * H)
    tell(*(handed(n, now - n * M) for n in range(1, 54)), *(handed(n, now - (30 + n) * H) for n in range(60, 112)))
    shown = seen(state, now)
    assert (len(shown.running.lines), shown.running.total, shown.running.more) == (50, 53, 3)
    assert (len(shown.breaches.lines), shown.breaches.total, shown.breaches.more) == (50, 52, 2)
    assert shown.running.lines[0].lead.company == "会社53"
    assert shown.breaches.lines[0].lead.company == "会社60"


def test_sources_say_when_they_last_delivered(state, clock, monkeypatch) -> None:
    monkeypatch.setattr(today, "LOOKED_AT", 3)
    with state.database.write() as c:
        ids = {
            name: sources.add(
                c, state.vault, name=name, kind="standard", config={}, secret=sources.new_secret(), now=clock()
            )
            for name in ("busy", "silent", "new", "gone")
        }
        sources.disable(c, "gone", clock())
        first = seen_sources(c)
        for n, name in enumerate(("silent", "busy", "busy", "busy")):
            c.execute(insert(Delivery).values(delivery(ids[name], clock() + n * M)))
        then = seen_sources(c)
    assert first == {"busy": (None, None), "silent": (None, None), "new": (None, None)}
    since = clock() + M
    assert then == {"busy": (clock() + 3 * M, since), "silent": (None, since), "new": (None, since)}


def seen_sources(c: Any) -> dict[str, Any]:
    return {source.name: (source.heard_at, source.silent_since) for source in today.freshness(c)}


def delivery(source_id: int, at: datetime) -> dict[str, Any]:
    told = {"source_id": source_id, "received_at": at, "method": "POST", "url": "/", "headers": {}, "body": b"{}"}
    return told | {"state": "applied", "not_before": at, "attempts": 0}


@pytest.mark.parametrize("ownerless", [False, True])
@on_sqlite
def test_no_query_of_the_start_page_walks_all_handoffs_or_sorts_them(state, clock, tell, ownerless) -> None:
    tell(handed(1, clock() - H), handed(2, clock() - 30 * H))
    asked: list[tuple[str, Any]] = []
    with state.database.read() as c:
        state.versions.read(c)
        event.listen(c, "before_cursor_execute", lambda _c, _cur, sql, given, *_: asked.append((sql, given)))
        today.read(c, state.versions.read(c), state.settings.zone, clock(), ownerless=ownerless)
        on_handoffs = [(sql, given) for sql, given in asked if "FROM handoffs" in sql]
        plans = [
            row.detail for sql, given in on_handoffs for row in c.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given)
        ]
    assert len(on_handoffs) >= 9
    assert not [step for step in plans if "SCAN" in step or "ORDER BY" in step]


# --- one handoff


def test_the_page_of_a_handoff_explains_its_verdict(state, clock, tell, signed_in) -> None:
    at = clock()
    me = person(1)
    clock.advance(40 * H)
    tell(
        handed(1, at, owner="tanaka", url="https://sfa.example.com/lead/1"),
        [
            fact("follow_up", at + H, lead=me, channel="email", automated=True),
            fact("status", at + 2 * H, lead=me, status=None, raw="温度高"),
            fact("follow_up", at + 30 * H, lead=me, channel="call", automated=False, by="田中", outcome="つながった"),
            fact("disposition", at + 32 * H, lead=me, outcome="sql", by="田中"),
        ],
    )
    page = signed_in.get(f"/handoffs/{id_of(state, 1)}").text
    for said in (
        "会社1 佐藤1 様",
        "期限後に対応済み",
        "超過 6時間",
        "2026-09-19(土) 17:30",
        "スコア 86(80以上)",
        "資料ダウンロード 3回(3回以上)",
        "資料2(資料ダウンロード)",
        "決め手",
        "9/18(金) 17:30",
        "24:00 消費",
        "方針「MQL 24時間」第1版",
        "対象外(自動送信)",
        "対象外(ステータス未対応付け)",
        "電話(つながった)",
        "対応(期限後)",
        "対応(2回目以降)",
        "SQL化",
        'href="https://sfa.example.com/lead/1"',
    ):
        assert said in page, said
    assert text_of(page).count("期限超過") == 0, "it was never called: the facts came late and together"


def test_a_breach_that_was_taken_back_says_so(state, clock, tell, signed_in) -> None:
    at = clock()
    tell(handed(1, at, owner="tanaka"))
    clock.advance(25 * H)
    tell()
    assert "超過 1時間" in signed_in.get(f"/handoffs/{id_of(state, 1)}").text
    clock.advance(H)
    tell([fact("follow_up", at + 20 * H, lead=person(1), received_at=clock(), channel="call", automated=False)])
    page = text_of(signed_in.get(f"/handoffs/{id_of(state, 1)}").text)
    assert "↩ 超過を取消 期限の4時間前に対応" in page
    assert "9/19(土) 13:30 ↩ 超過を取消 判明 9/19(土) 19:30" in page


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"outcome": "excluded", "reason": "競合他社"}, "競合他社"),
        ({"outcome": "rejected"}, "理由の記録なしで差戻し"),
    ],
)
@on_sqlite
def test_a_handoff_that_does_not_count_says_why(state, clock, tell, signed_in, outcome, said) -> None:
    at = clock()
    clock.advance(2 * H)
    tell(handed(1, at), [fact("disposition", at + H, lead=person(1), **outcome)])
    page = text_of(signed_in.get(f"/handoffs/{id_of(state, 1)}").text)
    assert "‖ 対象外 計測の対象外です" in page
    assert said in page


@on_sqlite
def test_the_second_handoff_of_a_lead_tells_its_own_acts(state, clock, tell) -> None:
    at, me = clock(), person(1)
    again = at + 260 * H
    clock.advance(270 * H)
    tell(
        handed(1, at, touch=at + H),
        [
            fact("disposition", at + 2 * H, lead=me, outcome="recycled", reason="時期尚早"),
            *mql(again, lead=me),
            fact("follow_up", again + H, lead=me, channel="email", automated=False),
        ],
    )
    with state.database.read() as c:
        versions = state.versions.read(c)
        first, second = (dossier.read(c, versions, number, clock()) for number in (1, 2))
    assert [act.event.kind for act in first.acts] == ["follow_up", "disposition"]
    assert [(act.event.occurred_at, act.standing) for act in second.acts] == [(again + H, "in_time")]
    assert second.number == 2


@pytest.mark.parametrize("number", ["999", "0", "abc", "9" * 18, "9" * 30, "-1", "1e3", "٣"])
@on_sqlite
def test_a_number_that_no_handoff_has_is_a_page_that_says_so(signed_in, number) -> None:
    answer = signed_in.get(f"/handoffs/{number}")
    assert answer.status_code == 404
    assert "見つかりません" in answer.text


# --- the start page


@on_sqlite
def test_the_start_page_tells_everything_in_the_readers_language(state, clock, tell, signed_in) -> None:
    now = clock.advance(200 * H)
    tell(handed(1, now - 20 * H, owner="tanaka"), handed(2, now - 30 * H, url="https://sfa.example.com/2"))
    with state.database.write() as c:
        config = {"portal_id": 4_700_001}
        hubspot = sources.add(c, state.vault, name="hubspot", kind="hubspot", config=config, secret="secret", now=now)
        c.execute(insert(Delivery).values(delivery(hubspot, now - 2 * M)))
    japanese = text_of(signed_in.get("/").text)
    for said in (
        "▲ まもなく 1 / 未対応 2件",
        "! 期限超過 1 / 未対応 2件",
        "? 担当者なし 1 / 未対応 2件",
        "▲ まもなく 会社1 佐藤1 様 残り 4時間 9/27(日) 05:30 まで tanaka さん",
        "! 期限超過 会社2 佐藤2 様 超過 6時間 9/26(土) 19:30 まで 未割当",
        "HubSpot 2分前",
        "2026-09-27(日) 01:30 時点",
        "営業×マーケ連携会議 #",
        "SLA違反 1件",
    ):
        assert said in japanese, said
    english = text_of(signed_in.get("/?lang=en").text)
    for said in ("Due soon 会社1 佐藤1 4h left until Sun 9/27 05:30", "HubSpot 2m ago", "of 2 open", "SLA breaches: 1"):
        assert said in english, said


@on_sqlite
def test_an_empty_database_says_the_next_step(state, client, signed_in) -> None:
    with state.database.write() as c:
        c.execute(MeetingSeries.__table__.delete())
    page = text_of(signed_in.get("/").text)
    for step in (
        "tasuki source add",
        "初回対応を待つリードはありません",
        "期限超過はありません",
        "会議の予定がありません",
    ):
        assert step in page


@pytest.mark.parametrize(("form", "kind"), [("md", "text/plain"), ("html", "text/html"), ("json", "application/json")])
@on_sqlite
def test_the_agenda_can_be_taken_along(clock, tell, signed_in, form, kind) -> None:
    clock.advance(40 * H)
    tell(handed(1, clock() - 30 * H))
    answer = signed_in.get(f"/agenda.{form}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "会社1 佐藤1" in answer.text.replace("\\", "")
    assert signed_in.get("/agenda.exe").status_code == 404


@pytest.mark.parametrize("path", ["/", "/?lang=en", "/handoffs/1"])
@on_sqlite
def test_words_from_outside_stay_words(clock, tell, signed_in, path) -> None:
    """Names, titles and addresses come from forms that anybody can fill in."""
    nasty = "<img src=x onerror=alert(1)>{{ 7*7 }}\u202e"
    tell(
        handed(1, clock() - H, owner='"><script>', name=nasty, company=nasty, url="javascript:alert(1)"),
        [fact("follow_up", clock() - M, lead=person(1), channel="email", automated=True, by=nasty, outcome=nasty)],
        [fact("status", clock() - M, lead=person(1), status=None, raw=nasty)],
    )
    page = signed_in.get(path).text
    assert "<img src=x" not in page
    assert "<script" not in page
    assert "javascript:" not in page
    assert "\u202e" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;{{ 7*7 }}" in page


# --- language


@pytest.mark.parametrize(
    ("query", "browser", "locale"),
    [
        ("", "en-US,en;q=0.9", "en"),
        ("", "ja", "ja"),
        ("", "fr-FR", "ja"),
        ("", "", "ja"),
        ("?lang=en", "ja", "en"),
        ("?lang=ja", "en", "ja"),
        ("?lang=xx", "en", "en"),
    ],
)
@on_sqlite
def test_language_is_chosen_by_link_then_by_browser_then_by_settings(signed_in, query, browser, locale) -> None:
    page = signed_in.get(f"/{query}", headers={"accept-language": browser}).text
    assert f'<html lang="{locale}">' in page
    other = {"ja": "en", "en": "ja"}[locale]
    assert f"lang={other}" in page


@on_sqlite
def test_a_language_that_was_chosen_stays_chosen(clock, tell, signed_in) -> None:
    tell(handed(1, clock() - H))
    assert 'href="/handoffs/1?lang=en"' in signed_in.get("/?lang=en").text
    assert 'href="/handoffs/1"' in signed_in.get("/").text
    assert 'href="/?owner=none&amp;lang=en"' in signed_in.get("/?owner=none").text


def test_every_word_of_the_pages_is_translated() -> None:
    japanese = translations("ja")
    templates = "\n".join(file.read_text(encoding="utf-8") for file in (FOLDER / "templates").glob("*.html"))
    said = set(re.findall(r'(?:_|say)\((?:"([^"]+)"|\'([^\']+)\')', templates))
    messages = {double or single for double, single in said} | set(WORDS())
    assert len(messages) > 80
    assert sorted(m for m in messages if japanese.gettext(m) == m) == []


def WORDS() -> list[str]:
    """Messages that stand in tables."""
    from app.pages import words

    tables: list[dict[Any, Any]] = [words.BANDS, words.VERDICTS, words.STANDINGS]
    said = [status.word for table in tables for status in table.values()] + [words.WITHDRAWN.word]
    for plain in (words.CHANNELS, words.OUTCOMES, words.VOID_REASONS, words.STATES, words.CLOCKS):
        said += list(plain.values())
    return said


# --- who may read


@on_sqlite
def test_open_pages_need_no_sign_in(state, client) -> None:
    state.settings = state.settings.model_copy(update={"open_pages": True})
    page = client.get("/")
    assert page.status_code == 200
    assert "サインアウト" not in page.text
    assert client.get("/sign-in", follow_redirects=False).headers["location"] == "/"


# --- headers and files


@pytest.mark.parametrize(
    "path", ["/", "/sign-in", "/handoffs/999", "/agenda.html", "/static/tasuki.css", "/static/none"]
)
@pytest.mark.parametrize("known", [True, False])
@on_sqlite
def test_every_page_carries_the_headers_that_protect_it(client, sign_in_as, path, known) -> None:
    if known:
        sign_in_as("rep")
    headers = client.get(path, follow_redirects=False).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "default-src 'self'" in headers["content-security-policy"] or path == "/agenda.html"
    assert "script-src 'unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cache-control"] == ("no-store" if path != "/static/tasuki.css" else "public, max-age=300")


@on_sqlite
def test_the_stylesheet_may_be_kept_as_long_as_it_is_the_same(client) -> None:
    href = re.findall(r'<link rel="stylesheet" href="([^"]+)">', client.get("/sign-in").text)[0]
    answer = client.get(href)
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    again = client.get(href, headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/static/..%2Froutes.py").status_code == 404


@on_sqlite
def test_pages_are_no_part_of_the_api_document(client) -> None:
    paths = client.app.openapi()["paths"]  # type: ignore[attr-defined]
    assert not [path for path in paths if path in ("/", "/sign-in") or path.startswith(("/handoffs", "/static"))]


# --- everybody can read them


class Outline(HTMLParser):
    """What a screen reader would find."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self._silent = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        self._silent += tag in ("title", "style")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if given.get("id"):
            self.ids.append(str(given["id"]))

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("title", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [given for name, given in self.tags if name == tag]


def text_of(page: str) -> str:
    return " ".join(" ".join(Outline(page).text).split())


@pytest.fixture
def outlines(state: State, clock: Clock, tell: Any, client: TestClient, signed_in: TestClient) -> list[Outline]:
    clock.advance(100 * H)
    tell(
        handed(1, clock() - 2 * H, url="https://sfa.example.com/1"),
        handed(2, clock() - 30 * H, owner="tanaka", touch=clock() - 4 * H),
        handed(3, clock() - 30 * H),
    )
    paths = ("/", "/?owner=none", "/?lang=en", "/handoffs/1", "/handoffs/2", "/handoffs/999")
    return [Outline(signed_in.get(path).text) for path in paths]


@on_sqlite
def test_headings_are_in_order_and_there_is_one_first_one(outlines) -> None:
    for page in outlines:
        assert page.headings.count(1) == 1
        assert page.headings[0] in (1, 2)
        assert all(after - before <= 1 for before, after in zip(page.headings, page.headings[1:], strict=False))


@on_sqlite
def test_landmarks_ids_tables_and_fields_are_complete(outlines) -> None:
    for page in outlines:
        assert [len(page.all(landmark)) for landmark in ("header", "main")] == [1, 1]
        assert all(nav.get("aria-label") for nav in page.all("nav"))
        assert len(page.ids) == len(set(page.ids))
        assert len(page.all("caption")) == len(page.all("table"))
        assert all(th.get("scope") in ("col", "row") for th in page.all("th"))
        assert all(s.get("aria-labelledby") in page.ids for s in page.all("section"))
        fields = [f for f in page.all("input") if f.get("type") != "hidden"]
        assert {f.get("id") for f in fields} == {label.get("for") for label in page.all("label")}
        assert all("alt" in img for img in page.all("img"))


@on_sqlite
def test_nothing_comes_from_another_host_and_no_script_or_inline_style_is_there(outlines) -> None:
    for page in outlines:
        assert page.all("style") == []
        assert all("src" in script for script in page.all("script"))
        assert not [given for _, given in page.tags if any(name == "style" or name.startswith("on") for name in given)]
        loaded = [g.get("href") or g.get("src") or "" for tag in ("link", "img") for g in page.all(tag)]
        assert all(address.startswith("/static/") for address in loaded)


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_ink_stands_out_from_its_ground(scheme) -> None:
    sheet = (FOLDER / "static" / "tasuki.css").read_text(encoding="utf-8")
    inks = colours(sheet.split(":root {")[1 + scheme].split("}")[0])
    pairs = [(ink, ground) for ink in ("ink", "soft", "accent") for ground in ("paper", "ground")]
    pairs += [(f"{tone}-ink", ground) for tone in TONES for ground in (f"{tone}-ground", "paper")]
    pairs += [("on-accent", "accent")]
    assert {
        pair: round(contrast(inks[pair[0]], inks[pair[1]]), 2)
        for pair in pairs
        if contrast(inks[pair[0]], inks[pair[1]]) < 4.5
    } == {}


TONES = ("plain", "risk", "over", "good", "quiet")
