"""The pages where sales works: a morning through the forms, on a real ledger."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from app.flows import ledger, policies, queue, sweep
from app.flows.ledger import Fact
from app.flows.queue import Look, Wanted
from app.models import HANDED_OVER, BriefFeedback, Event, Handoff, Lead
from app.pages import live
from app.pages.live import Pace
from app.pages.work_words import DONE, SECTIONS
from app.state import State
from connectors.contract import ExternalId
from tests.conftest import Clock
from tests.flows.conftest import fact, mql

H, M = timedelta(hours=1), timedelta(minutes=1)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def person(number: int) -> tuple[ExternalId, ...]:
    return (ExternalId("hubspot", f"{number}"),)


def handed(number: int, at: datetime, *, owner: str | None = None, **lead: Any) -> list[Fact]:
    """A lead that becomes MQL at that moment; its SLA is 24 hours."""
    me = person(number)
    who = {"name": f"佐藤{number}", "company": f"会社{number}"} | lead
    facts = [fact("lead", at - 9 * H, lead=me, **who), *mql(at, lead=me)]
    return [*facts, fact("owner", at + M, lead=me, owner=owner, name=f"{owner} さん")] if owner else facts


@pytest.fixture
def tell(state: State, clock: Clock) -> Callable[..., None]:
    def run(*facts: list[Fact]) -> None:
        with state.database.write() as c:
            ledger.apply(c, [f for some in facts for f in some], policies.all_versions(c), clock())
        sweep.run(state.database, state.versions, clock())

    return run


@pytest.fixture
def page(sign_in_as: Callable[..., TestClient]) -> TestClient:
    client = sign_in_as("rep")
    client.headers["accept-language"] = "ja"
    return client


@pytest.fixture
def morning(clock: Clock, tell) -> datetime:
    """One soon, two overdue, one later, one that its customer put off."""
    now = clock.advance(100 * H)
    put_off = fact("pause", now - H, lead=person(5), reason="出張", until=(now + 5 * H).isoformat())
    tell(
        handed(1, now - 20 * H, owner="tanaka"),
        handed(2, now - 30 * H, owner="tanaka"),
        handed(3, now - 40 * H),
        handed(4, now - 1 * H, owner="suzuki"),
        [*handed(5, now - 3 * H, owner="tanaka"), put_off],
    )
    return now


def lead_of(state: State, number: int) -> int:
    with state.database.read() as c:
        return c.execute(select(Lead.id).where(Lead.company == f"会社{number}")).scalar_one()


def handoff_of(state: State, number: int) -> Any:
    with state.database.read() as c:
        mine = select(Handoff.__table__).where(Handoff.lead_id == lead_of(state, number), HANDED_OVER)
        return c.execute(mine).one()


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def said(answer: Any) -> str:
    """What the status line says."""
    found = re.search(r'<div class="said" role="status">(.*?)</div>', answer.text, re.DOTALL)
    return text_of(found[1]) if found else ""


def listed(html: str) -> dict[str, list[str]]:
    """Section → companies, in their order."""
    parts = re.findall(r'<section class="card" aria-labelledby="(\w+)">(.*?)</section>', html, re.DOTALL)
    return {name: re.findall(r"data-open>(\S+)", body) for name, body in parts}


# --- the queue


def test_the_queue_shows_what_presses_first_and_each_handoff_once(page, morning) -> None:
    assert listed(page.get("/queue").text) == {
        "soon": ["会社1"],
        "overdue": ["会社2", "会社3"],
        "later": ["会社4"],
        "waiting": ["会社5"],
    }


def test_conditions_and_the_decision_agree(state, morning) -> None:
    from app.domain.bands import SECTION_OF

    with state.database.read() as c:
        look = Look(state.versions.read(c), state.settings.zone, morning)
        parts = queue.parts(c, look, Wanted())
    for part in parts:
        assert {SECTION_OF[line.band] for line in part.lines} <= {part.section}
    assert sum(part.total for part in parts) == 5


@pytest.mark.parametrize(
    ("query", "companies"),
    [
        ("owner=tanaka", {"会社1", "会社2", "会社5"}),
        ("owner=none", {"会社3"}),
        ("policy=mql", {"会社1", "会社2", "会社3", "会社4", "会社5"}),
        ("policy=other", set()),
        ("team=nobody", set()),
        ("q=会社4", {"会社4"}),
        ("q=佐藤2", {"会社2"}),
        ("q=%25", set()),
        ("band=overdue", {"会社2", "会社3"}),
        ("band=nonsense&page=-3", {"会社1", "会社2", "会社3", "会社4", "会社5"}),
    ],
)
def test_the_queue_can_be_narrowed_down(page, morning, query, companies) -> None:
    shown = listed(page.get(f"/queue?{query}").text)
    assert {company for part in shown.values() for company in part} == companies


@on_sqlite
def test_a_long_band_goes_on_over_pages(state, clock, tell, page, monkeypatch) -> None:
    monkeypatch.setattr(queue, "FIRST", 2)
    monkeypatch.setattr(queue, "PAGE", 3)
    now = clock.advance(200 * H)
    tell(*(handed(n, now - (30 + n) * H) for n in range(1, 8)))
    first = page.get("/queue")
    assert listed(first.text)["overdue"] == ["会社1", "会社2"]
    assert "ほか 5件" in text_of(first.text)
    assert 'href="/queue?band=overdue"' in first.text
    pages = [listed(page.get(f"/queue?band=overdue&page={n}").text)["overdue"] for n in (1, 2, 3, 99)]
    assert pages == [["会社1", "会社2", "会社3"], ["会社4", "会社5", "会社6"], ["会社7"], ["会社7"]]


@on_sqlite
def test_an_empty_queue_says_what_comes_next(page, morning) -> None:
    assert "条件に合う引き渡しはキューにありません" in page.get("/queue?q=nobody").text
    assert "今日中に期限が来る引き渡しは、ほかにありません" in page.get("/queue?band=today").text


@on_sqlite
def test_the_queue_speaks_both_languages(page, morning) -> None:
    japanese, english = (text_of(page.get(f"/queue?lang={locale}").text) for locale in ("ja", "en"))
    for words in ("まもなく期限", "残り 4時間", "超過 6時間", "対応します", "つながった", "未割当", "まで停止中"):
        assert words in japanese
    for words in ("Due very soon", "4h left", "6h over", "I am on it", "Reached them", "nobody yet", "paused until"):
        assert words in english


# --- one tap


def tap(page: TestClient, state: State, number: int, act: str, **fields: str) -> Any:
    data = {"act": act, "list": "band=overdue&owner=tanaka", "next": "line-7", "once": "a" * 32} | fields
    return page.post(f"/leads/{lead_of(state, number)}/act", data=data, follow_redirects=False)


def test_reaching_somebody_in_time_stops_the_clock(page, state, morning) -> None:
    answer = tap(page, state, 1, "reached")
    assert answer.status_code == 303
    assert handoff_of(state, 1).verdict == "met"
    to = urlsplit(answer.headers["location"])
    assert (to.path, to.fragment) == ("/queue", "line-7")
    assert {"band": ["overdue"], "owner": ["tanaka"]}.items() <= parse_qs(to.query).items()
    assert "会社1 佐藤1 様:「つながった」を記録しました。" in said(page.get(answer.headers["location"]))


@on_sqlite
def test_a_tap_on_the_whole_list_leads_back_to_the_whole_list(page, state, morning) -> None:
    whole = re.search(r'name="list" value="([^"]*)"', page.get("/queue").text)[1]
    to = urlsplit(tap(page, state, 1, "called", list=whole).headers["location"])
    assert to.path == "/queue"
    assert "band" not in parse_qs(to.query)


def test_a_call_after_the_deadline_is_late_and_can_be_taken_back(page, state, clock, morning) -> None:
    after = page.get(tap(page, state, 2, "called").headers["location"])
    assert handoff_of(state, 2).verdict == "met_late"
    assert "会社2" not in str(listed(after.text))
    event = re.search(r'name="event" value="([0-9a-f]{32})"', after.text)[1]
    back = {"event": event, "list": "band=overdue"}
    clock.advance(M)
    again = page.post(f"/leads/{lead_of(state, 2)}/take-back", data=back)
    assert handoff_of(state, 2).verdict == "breached"
    assert "記録を取り消しました" in said(again)
    assert listed(again.text)["overdue"] == ["会社2", "会社3"]


def test_saying_that_one_is_on_it_is_shown_and_stops_nothing(page, state, morning) -> None:
    after = page.get(tap(page, state, 2, "acknowledged").headers["location"])
    assert handoff_of(state, 2).verdict == "breached"
    assert re.search(r"\S+が対応中", text_of(after.text))


def test_a_form_that_is_sent_twice_is_recorded_once(page, state, morning) -> None:
    assert [tap(page, state, 1, "called").status_code for _ in range(2)] == [303, 303]
    with state.database.read() as c:
        calls = c.execute(select(Event.id).where(Event.lead_id == lead_of(state, 1), Event.kind == "follow_up")).all()
    assert len(calls) == 1


@on_sqlite
def test_what_cannot_be_recorded_is_said_on_the_list(page, state, morning) -> None:
    tap(page, state, 1, "reached")
    answer = tap(page, state, 1, "acknowledged")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "会社1 佐藤1 様" in text_of(answer.text)


@pytest.mark.parametrize("path", ["/leads/999999/act", "/leads/x/act", "/leads/999999/pause", "/leads/1/take-back"])
@on_sqlite
def test_there_is_nothing_to_tap_where_there_is_nobody(page, morning, path) -> None:
    assert page.post(path, data={"act": "called", "reason": "出張"}).status_code == 404


@on_sqlite
def test_a_list_to_go_back_to_cannot_lead_away(page, state, morning) -> None:
    answer = tap(page, state, 1, "called", list="//evil.example/?q=x", next="line-1\r\nX: y")
    assert urlsplit(answer.headers["location"])[:3] == ("", "", "/queue")
    assert "evil" not in urlsplit(answer.headers["location"]).netloc


# --- a lead


def send(page: TestClient, state: State, number: int, form: str, **fields: str) -> Any:
    return page.post(f"/leads/{lead_of(state, number)}/{form}", data=fields)


def test_a_lead_shows_its_clock_its_brief_and_everything_that_happened(page, state, morning) -> None:
    shown = text_of(page.get(f"/leads/{lead_of(state, 2)}").text)
    for words in (
        "会社2 佐藤2 様",
        "超過 6時間",
        "期限の理由",
        "なぜMQL",
        "充足度",
        "判定: 期限超過",
        "担当 tanaka さん",
    ):
        assert words in shown


@pytest.mark.parametrize(
    ("show", "there", "gone"),
    [
        ("activities", "資料1", "判定: 期限超過"),
        ("changes", "判定: 期限超過", "資料1(資料"),
        ("follow_ups", "記録なし", "判定: 期限超過"),
        ("alerts", "", "資料1(資料"),
    ],
)
@on_sqlite
def test_the_timeline_can_be_narrowed_down(page, state, morning, show, there, gone) -> None:
    html = page.get(f"/leads/{lead_of(state, 2)}?show={show}").text
    shown = text_of(html[html.index('aria-labelledby="timeline"') :])
    assert gone not in shown
    assert there in shown or show == "follow_ups"


def test_a_call_of_this_morning_is_written_down_when_it_happened(page, state, clock, morning) -> None:
    """22:30 in Tokyo is 13:30 UTC; the deadline had not passed by then."""
    at = (morning - 7 * H).astimezone(state.settings.zone)
    typed = {"channel": "email", "at": f"{at:%Y-%m-%dT%H:%M}", "outcome": "返信あり", "note": "料金の件"}
    answer = send(page, state, 2, "follow-up", **typed)
    assert answer.status_code == 200
    assert "対応を記録しました" in said(answer)
    assert handoff_of(state, 2).verdict == "met"
    assert handoff_of(state, 2).touched_at == morning - 7 * H
    assert "メール(返信あり)(料金の件) 取り消す" in text_of(answer.text)


def test_only_what_was_written_down_here_can_be_taken_back_and_stays_struck_out(page, state, clock, morning) -> None:
    number = lead_of(state, 2)
    assert "take-back" not in page.get(f"/leads/{number}").text
    event = re.search(r'name="event" value="(\w+)"', send(page, state, 2, "follow-up", channel="call").text)[1]
    clock.advance(M)
    after = send(page, state, 2, "take-back", event=event)
    assert "<s>電話</s>" in after.text
    assert "記録の取消" in text_of(after.text)
    assert f'name="event" value="{event}"' not in after.text[after.text.index('aria-labelledby="timeline"') :]


def test_a_lead_is_given_back_with_a_reason(page, state, morning) -> None:
    answer = send(page, state, 1, "give-back", choice="rejected:routing", detail="西日本の担当へ")
    assert "差戻しを記録しました" in said(answer)
    handoff = handoff_of(state, 1)
    assert (handoff.episode["outcome"], handoff.episode["outcome_reason"]) == ("rejected", "routing")
    assert handoff.episode["ended_at"]


def test_a_lead_is_recycled_in_ones_own_words(page, state, morning) -> None:
    send(page, state, 1, "give-back", choice="recycled:", detail="予算が来期")
    assert handoff_of(state, 1).episode["outcome_reason"] == "予算が来期"


def test_the_customer_asks_to_wait_and_the_clock_stands_still(page, state, clock, morning) -> None:
    due_at = handoff_of(state, 4).due_at
    until = (morning + 3 * H).astimezone(state.settings.zone)
    answer = send(page, state, 4, "pause", reason="折り返しのご希望", until=f"{until:%Y-%m-%dT%H:%M}")
    assert "計測を一時停止しました" in said(answer)
    assert handoff_of(state, 4).due_at == due_at + 3 * H
    assert listed(page.get("/queue").text)["waiting"] == ["会社4", "会社5"]
    clock.advance(M)
    assert "計測を再開しました" in said(send(page, state, 4, "resume"))
    assert listed(page.get("/queue").text)["later"] == ["会社4"]


@pytest.mark.parametrize(
    ("form", "typed", "field", "says"),
    [
        ("follow-up", {"channel": "pigeon", "note": "KEPT"}, "channel", "call"),
        ("follow-up", {"channel": "call", "at": "2026-13-01T09:00", "note": "KEPT"}, "at", "2026-09-24 17:30"),
        ("follow-up", {"channel": "call", "at": "2031-01-01T09:00", "note": "KEPT"}, "at", ""),
        ("follow-up", {"channel": "call", "outcome": "KEPT" * 200}, "outcome", "500"),
        ("give-back", {"choice": "", "detail": "KEPT"}, "choice", ""),
        ("give-back", {"choice": "rejected:timing", "detail": "KEPT"}, "choice", "一覧から"),
        ("give-back", {"choice": "restored:", "detail": "KEPT"}, "choice", "一覧から"),
        ("give-back", {"choice": "recycled:", "again_on": "KEPT"}, "again_on", "2026-09-24"),
        ("give-back", {"choice": "disqualified:timing", "detail": "KEPT"}, "again_on", ""),
        ("give-back", {"choice": "disqualified:no_fit", "again_on": "2026-12-01"}, "detail", ""),
        ("pause", {"reason": " ", "until": "2026-10-01T09:00"}, "reason", ""),
        ("pause", {"reason": "KEPT", "until": "2020-01-01T09:00"}, "until", ""),
        ("pause", {"reason": "KEPT", "until": "2027-09-01T09:00"}, "until", "30"),
    ],
)
@on_sqlite
def test_what_cannot_be_used_is_said_beside_its_field_and_what_was_typed_stays(
    page, state, morning, form, typed, field, says
) -> None:
    before = handoff_of(state, 4)
    answer = send(page, state, 4, form, **typed)
    assert answer.status_code == 422
    wrong = re.search(rf'id="wrong-{form}-{field}">(.*?)</span>', answer.text)
    assert wrong, text_of(answer.text)
    assert says in wrong[1]
    assert f'aria-describedby="wrong-{form}-{field}"' in answer.text
    for value in typed.values():
        assert value.strip() in answer.text or field in ("channel", "choice")
    assert handoff_of(state, 4) == before


def test_the_brief_is_rated(page, state, morning) -> None:
    handoff_id = handoff_of(state, 1).id
    answer = send(page, state, 1, "brief", handoff=str(handoff_id), helpful="no", note="業種がない")
    assert "評価を記録しました" in said(answer)
    with state.database.read() as c:
        row = c.execute(select(BriefFeedback.__table__)).one()
    assert (row.handoff_id, row.helpful, row.note, row.by) == (handoff_id, False, "業種がない", "rep@example.com")
    assert "業種がない" in answer.text


@pytest.mark.parametrize("path", ["/leads/999999", "/leads/x", "/leads/99999999999999999999"])
@on_sqlite
def test_a_lead_that_is_not_there(page, path) -> None:
    assert page.get(path).status_code == 404


@on_sqlite
def test_words_from_outside_stay_words(clock, tell, page, state) -> None:
    nasty = "<img src=x onerror=alert(1)>{{ 7*7 }}\u202e"
    tell(
        handed(1, clock() - H, owner='"><script>x', name=nasty, company=nasty, url="javascript:alert(1)"),
        [fact("follow_up", clock() - 2 * H, lead=person(1), channel="email", automated=True, by=nasty, subject=nasty)],
        [fact("status", clock() - M, lead=person(1), status=None, raw=nasty)],
        [fact("pause", clock() - M, lead=person(1), reason=nasty)],
    )
    for path in ("/queue", "/handoffs", "/leads/1", f"/queue?q={nasty}&owner={nasty}", f"/handoffs?owner={nasty}"):
        html = page.get(path).text
        assert "<img src=x" not in html, path
        assert "<script>x" not in html, path
        assert "javascript:" not in html, path
        assert "\u202e" not in re.sub(r"value=\"[^\"]*\"", "", html), path


# --- all handoffs


@pytest.mark.parametrize(
    ("query", "companies"),
    [
        ("", ["会社4", "会社5", "会社1", "会社2", "会社3"]),
        ("sort=earliest", ["会社3", "会社2", "会社1", "会社5", "会社4"]),
        ("verdict=breached", ["会社2", "会社3"]),
        ("verdict=nonsense&policy=other", []),
        ("owner=none", ["会社3"]),
        ("owner=tanaka&sort=earliest", ["会社2", "会社1", "会社5"]),
        ("due_from=2027-01-01", []),
        ("due_to=2027-01-01&owner=suzuki", ["会社4"]),
        ("due_from=0001-01-01&due_to=9999-12-31&after=x_y&owner=suzuki", ["会社4"]),
    ],
)
def test_all_handoffs_in_a_table(page, morning, query, companies) -> None:
    html = page.get(f"/handoffs?{query}").text
    found = re.findall(r'class="lead"><a href="/leads/\d+">(\S+)', html)
    if "会社5" in companies:  # the pause moved its deadline beyond that of 会社4
        found, companies = [f for f in found if f != "会社5"], [f for f in companies if f != "会社5"]
    assert found == companies


@on_sqlite
def test_the_table_goes_on_after_its_last_row(page, morning, monkeypatch) -> None:
    from app.pages import work_handoffs

    monkeypatch.setattr(work_handoffs, "ROWS", 2)
    found, path = [], "/handoffs?policy=mql"
    while path:
        html = page.get(path).text
        found += re.findall(r'class="lead"><a href="/leads/\d+">(\S+)', html)
        following = re.search(r'href="([^"]+)" rel="next"', html)
        path = following[1].replace("&amp;", "&") if following else ""
    assert len(found) == len(set(found)) == 5


@on_sqlite
def test_a_handoff_links_to_its_lead_and_the_start_page_to_the_bands(page, state, morning) -> None:
    assert f'href="/leads/{lead_of(state, 1)}"' in page.get(f"/handoffs/{handoff_of(state, 1).id}").text
    home = page.get("/").text
    for href in ("/queue?band=soon", "/queue?band=overdue", "/queue?owner=none"):
        assert f'href="{href}"' in home


# --- who may read, in which words


@pytest.mark.parametrize("path", ["/queue", "/queue/events", "/handoffs", "/leads/1"])
@on_sqlite
def test_without_signing_in_there_is_nothing_to_see(client, path) -> None:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in")


@on_sqlite
def test_without_signing_in_nothing_is_recorded(client, state, tell, clock) -> None:
    tell(handed(1, clock() - H))
    answer = client.post("/leads/1/act", data={"act": "called"}, follow_redirects=False)
    assert (answer.status_code, 'name="kept"' in answer.text) == (401, True)
    assert handoff_of(state, 1).verdict == "on_track"


def test_every_word_of_the_tables_is_translated() -> None:
    from app.domain.language import translations
    from app.pages.timeline import CHAPTERS

    words = [*DONE.values(), *CHAPTERS.values()]
    for heading in SECTIONS.values():
        words += [heading.status.word, heading.caption, heading.empty]
    japanese = translations("ja")
    assert [word for word in words if japanese.gettext(word) == word] == []


# --- live


def sent(version: Callable[[], str], seen: str, pace: Pace) -> list[str]:
    async def gathered() -> list[str]:
        return [message async for message in live.messages(version, seen, pace)]

    return asyncio.run(gathered())


def test_a_stream_says_what_changed_once_and_otherwise_that_it_is_there() -> None:
    versions = iter(["1", "1", "2", "2", "2", *"2" * 1000])
    said = sent(lambda: next(versions), "1", Pace(look=0.01, heartbeat=0.1, whole=0.5, again=3))
    assert said[0] == "retry: 3000\n\n"
    assert [m for m in said if m.startswith("id:")] == ["id: 2\nevent: changed\ndata: 2\n\n"]
    assert 2 <= said.count(": still here\n\n") <= 5


def test_a_reader_who_knows_nothing_is_told_at_once() -> None:
    assert sent(lambda: "7", "", Pace(look=0.01, whole=0.02))[1].startswith("id: 7\n")


def test_streams_end_when_the_server_does(monkeypatch) -> None:
    monkeypatch.setattr(live.streams, "ending", True)
    assert sent(lambda: "7", "", live.USUAL) == ["retry: 3000\n\n"]


@on_sqlite
def test_there_are_only_so_many_streams(page, monkeypatch) -> None:
    monkeypatch.setattr(live.streams, "open", live.MOST)
    answer = page.get("/queue/events")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")


@on_sqlite
def test_a_stream_of_the_queue_is_not_kept_and_is_counted(page, monkeypatch) -> None:
    monkeypatch.setattr(live.streams, "ending", True)
    answer = page.get("/queue/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert live.streams.open == 0


def test_the_version_changes_with_whatever_changes_the_list(page, state, tell, clock, morning) -> None:
    def version() -> str:
        with state.database.read() as c:
            return queue.version(c)

    seen = [version()]
    tell(handed(9, clock() - H))
    seen.append(version())
    tap(page, state, 1, "acknowledged")
    seen.append(version())
    assert len(set(seen)) == 3
    assert version() == seen[-1]
