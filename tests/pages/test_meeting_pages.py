"""A meeting in the browser: prepared, held by two people at once, closed and read; forms alone, no script."""

from __future__ import annotations

import html
import itertools
import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from app.domain.language import translations
from app.domain.run import Entry, Said
from app.flows import alerts, preparation, pulse, record
from app.main import create_app
from app.pages import action_pages, live, meeting_words, papers
from app.pages.words import Status
from app.state import State
from tests.conftest import FRIDAY, Clock

H, M, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
#: Thursday 2026-09-24 10:00 in Tokyo, the fourth meeting of the series.
START = datetime(2026, 9, 24, 1, tzinfo=UTC)
MEETING = "/meetings/default/4"
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PEOPLE = {
    "attendees-0-name": "伊藤 健", "attendees-0-email": "ito@example.jp", "attendees-0-role": "marketing_lead",
    "attendees-0-duty": "facilitator", "attendees-0-delegate": "",
    "attendees-1-name": "高橋 誠", "attendees-1-email": "takahashi@example.jp", "attendees-1-role": "sales_lead",
    "attendees-1-duty": "", "attendees-1-delegate": "mori@example.jp",
    "attendees-2-name": "", "attendees-2-email": "", "attendees-2-role": "other", "attendees-2-duty": "",
    "attendees-2-delegate": "",
    "attendees-3-name": "田中 舞", "attendees-3-email": "tanaka@example.jp", "attendees-3-role": "inside_sales",
    "attendees-3-duty": "note_taker", "attendees-3-delegate": "",
}  # fmt: skip
SERIES = {
    "name": "連携会議", "weekday": "thu", "time": "10:00", "minutes": "60", "every_weeks": "1", "first": "2026-09-03",
    "time_zone": "Asia/Tokyo", "room": "会議室A", "slack": "", "template": "", "calendar": "default", **PEOPLE,
}  # fmt: skip
PROMISE = {"text": "割当ルールを直す", "owner": "高橋 誠", "due_on": "2026-10-02", "done_when": "担当者なしが0件"}


class Mailbox:
    """A channel that takes everything."""

    def __init__(self) -> None:
        self.got: list[str] = []

    def deliver(self, message: Any, recipient: str) -> None:
        self.got.append(f"{recipient}: {message.title}")


class Browser:
    """Somebody with the pages open."""

    def __init__(self, client: TestClient, state: State, clock: Clock) -> None:
        self.client, self.state, self.clock, self.mail = client, state, clock, Mailbox()

    def sees(self, path: str = MEETING, lang: str = "ja") -> str:
        answer = self.client.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
        assert answer.status_code == 200, (path, answer.status_code)
        return text_of(answer.text)

    def sends(self, path: str, **fields: str) -> httpx.Response:
        answer: httpx.Response = self.client.post(path, data=fields, follow_redirects=False)
        return answer

    def does(self, path: str, **fields: str) -> str:
        """What is not refused; where the browser goes then."""
        answer = self.sends(path, **fields)
        assert answer.status_code == 303, (answer.status_code, refusals(answer.text))
        return str(answer.headers["location"])

    def run(self, deed: str, **fields: str) -> str:
        """From the meeting mode."""
        return self.does(f"{MEETING}/{deed}", page="run", **fields)

    def at(self, moment: datetime, *, mail: bool = True) -> None:
        """What happens by itself until then, and what is sent, if e-mail is set up."""
        channels = {"email": self.mail} if mail else {}
        self.clock.now, state = moment, self.state
        preparation.turn(state.database, state.settings, papers, moment)
        while alerts.send_owed(state.database, state.versions, channels, state.settings, moment):
            pass

    def entries(self, *kinds: Said) -> list[Entry]:
        with self.state.database.read() as c:
            return record.read(c, "default", 4, self.clock()).run.of(*kinds)


class Words(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(page: str) -> str:
    return " ".join(" ".join(Words(page).words).split())


def refusals(page: str) -> list[str]:
    return [text_of(found).removeprefix("! ") for found in re.findall(r'<p class="refusal".*?</p>', page, re.S)]


def field(page: str, ident: str) -> str:
    """What stands in a field of the page."""
    area = re.search(rf'<textarea id="{re.escape(ident)}".*?>\n(.*?)</textarea>', page, re.S)
    one = re.search(rf'<input id="{re.escape(ident)}".*?value="(.*?)"', page, re.S)
    found = area or one
    assert found, ident
    return html.unescape(found[1])


@pytest.fixture
def browser(sign_in_as: Callable[..., TestClient], state: State, clock: Clock) -> Browser:
    opened = Browser(sign_in_as("manager", "高橋 誠"), state, clock)
    clock.now = FRIDAY - 16 * DAY
    opened.does("/meetings/default/edit", **SERIES)
    clock.now = FRIDAY - DAY
    return opened


@pytest.fixture
def running(browser: Browser) -> Browser:
    """The meeting has just begun, its third item is on the table."""
    browser.at(START)
    browser.does(f"{MEETING}/start")
    browser.clock.advance(10 * M)
    browser.run("visit", item="3")
    return browser


# --- a whole meeting


def test_a_meeting_from_its_preparation_to_its_minutes(browser: Browser) -> None:
    assert "連携会議 #4" in browser.sees("/meetings")
    assert "準備はまだ始まっていません" in browser.sees()
    browser.does("/actions", form="add", series="default", **PROMISE | {"due_on": "2026-09-24"})
    assert browser.does(f"{MEETING}/say", form="topic", kind="topic", text="展示会の扱い").startswith(f"{MEETING}#e")
    page = browser.sees()
    for words in ("準備中", "枠合計 60分(60〜90分)", "展示会の扱い", "状況報告 30%", "割当ルールを直す", "会議室A"):
        assert words in page, words

    assert browser.does(f"{MEETING}/freeze", form="freeze") == f"{MEETING}#pre-read"
    browser.at(browser.clock() + M)
    assert [who.split(":")[0] for who in browser.mail.got if "議題" in who] == [
        "ito@example.jp", "takahashi@example.jp", "tanaka@example.jp",
    ]  # fmt: skip
    browser.does(f"{MEETING}/say", form="topic", kind="topic", text="あとから来た話題")
    page = browser.sees()
    for words in ("議題確定", "事前共有 3人中3人に送付済み", "追加の議題: あとから来た話題"):
        assert words in page, words

    browser.clock.now = START
    assert browser.does(f"{MEETING}/start") == f"{MEETING}/run"
    assert browser.does(f"{MEETING}/start") == f"{MEETING}/run"  # pressed twice, begun once
    browser.clock.advance(4 * M)
    assert "この議題 1:00 / 5:00" in browser.sees(f"{MEETING}/run")
    browser.run("extend", item="1", minutes="5")
    assert "この議題 6:00 / 10:00" in browser.sees(f"{MEETING}/run")
    browser.clock.advance(8 * M)
    assert "この議題 -2:00 / 10:00 超過" in browser.sees(f"{MEETING}/run")
    assert "全体 48:00 / 60:00" in browser.sees(f"{MEETING}/run")
    browser.run("visit", item="3")
    browser.run("visit", item="3")
    assert len(browser.entries(Said.VISITED)) == 1

    browser.run("say", form="note", kind="note", item="3", text="未割当は3件とも展示会")
    browser.run("say", form="nothing", kind="nothing", item="5")
    browser.run("decide", form="decision", item="3", text="展示会は別のSLAにする")
    browser.run("act", form="action", item="3", **PROMISE)
    browser.run("say", form="parked", kind="parked", item="3", text="海外のリード")
    browser.run("attendance", form="attendance", email="takahashi@example.jp", presence="absent")
    assert "営業責任者が欠席" in browser.sees(f"{MEETING}/run")
    browser.run("rate", form="rating", rating="4", text="KPIを短く")

    refused = browser.sends(f"{MEETING}/close", form="close", page="run", text="")
    assert refused.status_code == 422
    assert "期限を迎えたアクションに回答がありません" in refusals(refused.text)[0]
    browser.does("/actions/1/done", version="1", form="report", said="公開しました", back=MEETING)
    assert browser.does(f"{MEETING}/close", form="close", page="run", text="") == f"{MEETING}/minutes"

    browser.at(browser.clock() + M)
    page = browser.sees(f"{MEETING}/minutes")
    for words in (
        "D1 展示会は別のSLAにする", "#2 割当ルールを直す", "期限 10/2(金)", "欠席: 高橋 誠", "4/5", "海外のリード",
        "送信済み", "値はすべて会議時と同じです。", "mori@example.jp",
    ):  # fmt: skip
        assert words in page, words
    assert "Decided: 展示会は別のSLAにする" in browser.sees(f"{MEETING}/minutes", "en")
    assert "4.0 評価 1件" in browser.sees("/meetings")
    assert browser.client.get(f"{MEETING}/run", follow_redirects=False).headers["location"] == f"{MEETING}/minutes"


@on_sqlite
def test_the_pages_speak_english_as_well(running: Browser) -> None:
    running.run("decide", form="decision", item="3", text="decided")
    for path, words in (
        ("/meetings", ("Being held", "Go to the meeting", "Checklist")),
        (MEETING, ("Being held", "Boxes 60 min (60–90)", "Take the agenda along", "Thu 2026-09-24 10:00")),
        (f"{MEETING}/run", ("SLA breaches and their causes", "Whole meeting", "Close and send the minutes", "decided")),
        ("/actions", ("Add an action item", "Overdue")),
        ("/meetings/default/edit", ("Change the series", "Facilitator", "every two weeks")),
    ):
        page = running.sees(path, "en")
        for said in words:
            assert said in page, (path, said)


# --- what is refused stays in its field


@on_sqlite
def test_an_action_item_that_lacks_something_says_all_of_it_and_keeps_what_was_typed(running: Browser) -> None:
    given = {"text": "割当ルールを\r\n直す", "owner": "", "due_on": "2026-02-31", "done_when": " "}
    answer = running.sends(f"{MEETING}/act", form="action", page="run", item="3", **given)
    assert answer.status_code == 422
    assert refusals(answer.text) == [
        "担当者を1名指定してください。",
        "2026-10-08 の形式で日付を入力してください。",
        "完了基準を入力してください。",
    ]
    assert field(answer.text, "action-text") == "割当ルールを\n直す"
    assert field(answer.text, "action-due_on") == "2026-02-31"
    assert 'aria-invalid="true" aria-describedby="action-owner-wrong1"' in answer.text
    assert '<details open id="open-action"' in answer.text

    running.run("act", form="action", item="3", text="割当ルールを直す", **{"as": "task"})
    task = running.entries(Said.TASK)[0].id
    assert f"未確定{task}: 割当ルールを直す" in running.sees(f"{MEETING}/run")
    running.run("act", form=f"task{task}", task=str(task), **PROMISE)
    assert f"未確定{task}" not in running.sees(f"{MEETING}/run")


@pytest.mark.parametrize(
    ("deed", "fields", "said"),
    [
        ("say", {"form": "topic", "kind": "topic", "text": "  "}, "議題の内容を入力してください。"),
        ("say", {"form": "topic", "kind": "topic", "text": "長" * 4001}, "4000文字以内"),
        ("say", {"form": "topic", "kind": "topic", "text": "a\x00b"}, "保存できない文字"),
        ("tick", {"form": "tick2", "point": "2", "text": ""}, "済みとする理由"),
        ("tick", {"form": "tick2", "point": "99", "text": "x"}, "1〜16"),
        ("attendance", {"form": "attendance", "email": "x@example.jp", "presence": "absent"}, "参加者"),
        ("rate", {"form": "topic", "rating": "5"}, "会議が始まっていません"),
    ],
)
@on_sqlite
def test_what_cannot_be_said_before_the_meeting_is_answered_on_its_page(browser, deed, fields, said) -> None:
    answer = browser.sends(f"{MEETING}/{deed}", **fields)
    assert answer.status_code == 422
    assert any(said in words for words in refusals(answer.text)), refusals(answer.text)
    if deed == "say" and "\x00" not in fields["text"]:
        assert field(answer.text, "topic-text") == fields["text"]


@on_sqlite
def test_a_review_of_the_sla_that_changes_it_needs_what_from_when_and_until_when(running: Browser) -> None:
    change = {"sla": "change", "text": "期限を48時間に", "sla_change-policy": "mql", "sla_change-changes-target": "48"}
    more = {"sla_change-effective_on": "2026-10-01", "sla_change-review_on": "2026-09-30"}
    none = running.sends(f"{MEETING}/decide", form="decision", page="run", **change | {"sla_change-changes-target": ""})
    assert (none.status_code, len(refusals(none.text))) == (422, 1)
    no_day = running.sends(f"{MEETING}/decide", form="decision", page="run", **change)
    assert (no_day.status_code, field(no_day.text, "decision-text")) == (422, "期限を48時間に")
    early = running.sends(f"{MEETING}/decide", form="decision", page="run", **change, **more)
    assert "decision-sla_change-review_on-wrong1" in early.text
    running.run("decide", form="decision", **change, **more | {"sla_change-review_on": "2026-11-05"})
    running.run("close", form="close", text="時間切れ")
    assert "10/1(木) から適用、11/5(木) に見直し" in running.sees(f"{MEETING}/minutes")


@on_sqlite
def test_a_series_says_what_is_wrong_beside_the_attendee(browser: Browser) -> None:
    wrong = SERIES | {"minutes": "50", "attendees-3-email": "tanaka", "time_zone": "Tokio"}
    answer = browser.sends("/meetings/default/edit", **wrong)
    assert answer.status_code == 422
    for ident in ("series-minutes-wrong1", "series-attendees-2-email-wrong1", "series-time_zone-wrong1"):
        assert f'id="{ident}"' in answer.text, ident
    assert field(answer.text, "series-attendees-2-email") == "tanaka"  # the empty line before it is closed up
    twice = browser.sends("/meetings/new", **SERIES | {"key": "default"})
    assert "同じ名前の定例会議がすでにあります。" in refusals(twice.text)
    assert browser.sends("/meetings/new", **SERIES | {"key": "new"}).status_code == 422
    nowhere = browser.sends("/meetings/default/edit", **SERIES | {"calendar": "none"})
    assert 'id="series-calendar-wrong1"' in nowhere.text
    other = {name: value for name, value in SERIES.items() if not name.startswith("attendees")}
    browser.does("/meetings/new", **other | {"key": "weekly", "room": "", "first": "2026-09-18"})
    assert "/meetings/weekly/1" in browser.client.get("/meetings").text


@on_sqlite
def test_a_form_that_is_far_too_large_is_not_read(browser: Browser) -> None:
    assert browser.sends(f"{MEETING}/say", text="x" * 300_000).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/meetings/default/5", "/meetings/default/3", "/meetings/none/1", "/meetings/default/0",
        "/meetings/default/999999999999999999999", "/meetings/DROP/4", f"{MEETING}/run", f"{MEETING}/minutes",
        f"{MEETING}/minutes.md", f"{MEETING}/agenda.exe", "/actions/77", "/actions/99999999999999999999",
        "/meetings/none/edit",
    ],
)  # fmt: skip
@on_sqlite
def test_what_is_not_there_is_a_page_that_says_so(browser, path) -> None:
    answer = browser.client.get(path)
    assert answer.status_code == 404
    assert "見つかりません" in answer.text


@on_sqlite
def test_without_signing_in_nothing_is_read_or_written(browser: Browser) -> None:
    browser.client.cookies.clear()
    for path in ("/meetings", MEETING, f"{MEETING}/run", f"{MEETING}/events", "/actions", "/meetings/new"):
        answer = browser.client.get(path, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in"), path
    for path in (f"{MEETING}/say", f"{MEETING}/freeze", "/actions", "/actions/1/done", "/meetings/new"):
        assert browser.sends(path, kind="topic", text="x").status_code == 401, path
    with pytest.raises(record.NoSuchMeeting):
        browser.entries()


@on_sqlite
def test_who_may_not_see_leads_sees_no_meeting_and_a_rep_changes_no_series(browser, sign_in_as) -> None:
    browser.client = sign_in_as("executive")
    for path in ("/meetings", MEETING, f"{MEETING}/agenda.md", f"{MEETING}/run", f"{MEETING}/events", "/actions"):
        assert browser.client.get(path).status_code == 403, path
    assert browser.sends(f"{MEETING}/say", kind="topic", text="x").status_code == 403
    browser.client = sign_in_as("rep")
    assert browser.sends("/meetings/default/edit", **SERIES).status_code == 403
    assert "定例会議を編集" not in browser.sees("/meetings")
    browser.does(f"{MEETING}/say", form="topic", kind="topic", text="話題")
    assert browser.entries(Said.TOPIC)[0].by == "rep@example.com"
    browser.client.headers["sec-fetch-site"] = "cross-site"
    assert browser.sends(f"{MEETING}/say", kind="topic", text="x").status_code == 403


# --- two at once


def test_two_who_write_at_once_both_keep_their_words(running: Browser) -> None:
    running.run("say", form="note", kind="note", item="3", text="わたしのメモ")
    running.run("say", form="note", kind="note", item="3", text="あなたのメモ")
    page = running.sees(f"{MEETING}/run")
    assert "わたしのメモ" in page
    assert "あなたのメモ" in page


def test_who_corrects_what_was_corrected_meanwhile_sees_both_versions(running: Browser) -> None:
    running.run("say", form="note", kind="note", item="3", text="未割当は3件")
    (note,) = running.entries(Said.NOTE)
    same = {"form": f"correct{note.id}", "page": "run", "entry": str(note.id), "seen": "未割当は3件"}
    running.does(f"{MEETING}/correct", text="未割当は4件", **same)
    late = running.sends(f"{MEETING}/correct", text="未割当は2件", **same)
    assert late.status_code == 409
    assert "現在の内容 未割当は4件" in text_of(late.text)
    assert field(late.text, f"correct{note.id}-text") == "未割当は2件"
    assert [e.text for e in running.entries(Said.NOTE)] == ["未割当は4件"]
    seen = same | {"seen": "未割当は4件"}
    running.does(f"{MEETING}/correct", text="", **seen, **{"as": "retracted"})
    assert running.entries(Said.NOTE) == []


@on_sqlite
def test_what_was_typed_while_the_meeting_was_closed_is_not_lost(running: Browser) -> None:
    running.run("close", form="close", text="時間切れ")
    late = running.sends(f"{MEETING}/say", form="note", page="run", kind="note", item="3", text="書きかけのメモ")
    assert late.status_code == 422
    assert "記録されていない入力 ! 会議は終了しています。" in text_of(late.text)
    assert "書きかけのメモ" in text_of(late.text)


def test_two_who_speak_of_one_action_item_see_both_versions(browser: Browser) -> None:
    assert browser.does("/actions", form="add", series="default", **PROMISE) == "/actions/1"
    browser.does("/actions/1/carry", form="carry", version="1", reason="出張のため", due_on="2026-10-08")
    late = browser.sends("/actions/1/edit", form="edit", version="1", **PROMISE | {"owner": "田中 舞"})
    assert late.status_code == 409
    assert "高橋 誠が、10/8(木)までに" in text_of(late.text)
    assert field(late.text, "edit-owner") == "田中 舞"
    assert 'name="version" value="2"' in late.text
    page = browser.sees("/actions/1")
    for words in ("持ち越し1回", "10/2(金) → 10/8(木)", "出張のため"):
        assert words in page, words


# --- action items


@on_sqlite
def test_action_items_are_listed_by_whose_they_are_and_told_to_their_end(browser: Browser) -> None:
    for number in range(1, 4):
        browser.does("/actions", form="add", series="default", **PROMISE | {"text": f"作業{number}"})
    browser.does("/actions/2/drop", form="drop", version="1", reason="不要になった")
    assert "作業2" not in browser.sees("/actions")
    assert "中止" in browser.sees("/actions?whose=all")
    assert "該当するアクションはありません" in browser.sees("/actions?whose=overdue")
    browser.clock.now = datetime(2026, 10, 3, tzinfo=UTC)
    assert "作業3" in browser.sees("/actions?whose=overdue")
    assert browser.sends("/actions/2/report", form="report", version="2", said="x").status_code == 422
    browser.does("/actions/2/reopen", form="reopen", version="2", reason="やはり必要")
    assert browser.sends("/actions/2/carry", form="carry", version="3", reason="", due_on="").status_code == 422
    assert browser.sends("/actions", form="add", series="none", **PROMISE | {"due_on": "2026-10-09"}).status_code == 422


@on_sqlite
def test_the_list_of_action_items_comes_in_pages(browser, monkeypatch) -> None:
    monkeypatch.setattr(action_pages, "LISTED", 2)
    for number in range(1, 6):
        browser.does("/actions", form="add", series="default", **PROMISE | {"text": f"作業{number}"})
    path, seen = "/actions", []
    while path:
        page = browser.client.get(path).text
        seen += re.findall(r"#\d (作業\d)", page)
        following = re.search(r'class="more"><a href="(.*?)"', page)
        path = html.unescape(following[1]) if following else ""
    assert seen == ["作業1", "作業2", "作業3", "作業4", "作業5"]


@on_sqlite
def test_mine_are_those_of_the_visitor(browser: Browser) -> None:
    browser.does("/actions", form="add", series="default", **PROMISE)
    browser.does("/actions", form="add", series="default", **PROMISE | {"owner": "田中 舞", "text": "ほかの人の作業"})
    mine = browser.sees("/actions?whose=mine")
    assert "割当ルールを直す" in mine
    assert "ほかの人の作業" not in mine


# --- beside the forms


@on_sqlite
def test_a_point_of_the_checklist_can_be_counted_as_done(browser: Browser) -> None:
    browser.does(f"{MEETING}/tick", form="tick8", point="8", text="口頭で確認した")
    page = browser.sees()
    assert "済みとした 8. " in page
    assert "manager@example.com: 口頭で確認した" in page


@on_sqlite
def test_what_could_not_be_delivered_is_sent_once_more(browser: Browser) -> None:
    browser.at(FRIDAY - H, mail=False)
    browser.does(f"{MEETING}/freeze", form="freeze")
    browser.at(FRIDAY - H + M, mail=False)
    assert "送信失敗" in browser.sees()
    browser.does(f"{MEETING}/retry", form="retry")
    browser.at(FRIDAY)
    assert "送信失敗" not in browser.sees()
    assert len([who for who in browser.mail.got if "議題" in who]) == 3


@pytest.mark.parametrize("form", ["md", "html", "json", "csv", "xlsx"])
@on_sqlite
def test_the_agenda_can_be_taken_along(browser, form) -> None:
    answer = browser.client.get(f"{MEETING}/agenda.{form}")
    assert answer.status_code == 200
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    told = answer.json()["title"] if form == "json" else answer.text if form != "xlsx" else "連携会議"
    assert "連携会議" in told


@on_sqlite
def test_words_from_people_stay_words(running: Browser) -> None:
    nasty = '"><script>alert(1)</script>{{ 7*7 }}'
    running.run("say", form="note", kind="note", item="3", text=nasty)
    running.run("act", form="action", item="3", **PROMISE | {"text": nasty, "owner": nasty})
    for path in (MEETING, f"{MEETING}/run", "/actions", "/actions/1"):
        page = running.client.get(path).text
        assert "<script>alert" not in page
        assert "49" not in re.findall(r"7\*7|49", page)


def test_every_word_of_the_tables_is_translated() -> None:
    japanese = translations("ja")
    said: set[str] = set(action_pages.WHOSE.values())
    for name, value in vars(meeting_words).items():
        if isinstance(value, Status):
            said.add(value.word)
        elif isinstance(value, dict) and not name.startswith("_"):
            said |= {each.word if isinstance(each, Status) else each for each in value.values()}
    assert len(said) > 40
    assert sorted(word for word in said if japanese.gettext(word) == word) == []


class Outline(HTMLParser):
    """What assistive technology would find."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [given for tag, given in self.tags if tag in names]


@on_sqlite
def test_everybody_can_read_and_fill_in_the_pages(running: Browser) -> None:
    running.run("say", form="note", kind="note", item="3", text="メモ")
    running.run("act", form="action", item="3", text="まだ", **{"as": "task"})
    running.run("act", form="action", item="3", **PROMISE)
    paths = [
        "/meetings",
        "/meetings/default/edit",
        "/meetings/new",
        MEETING,
        f"{MEETING}/run",
        "/actions",
        "/actions/1",
    ]
    pages = [running.client.get(path).text for path in paths]
    running.run("close", form="close", text="時間切れ")
    for page in [*pages, running.client.get(f"{MEETING}/minutes").text]:
        found = Outline(page)
        ids = [str(given["id"]) for _, given in found.tags if given.get("id")]
        levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
        assert len(ids) == len(set(ids)), sorted(i for i in ids if ids.count(i) > 1)
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), levels
        fields = [f for f in found.all("input", "textarea", "select") if f.get("type") != "hidden"]
        assert {f.get("id") for f in fields} == {label.get("for") for label in found.all("label")}
        assert all(section.get("aria-labelledby") in ids for section in found.all("section"))
        assert len(found.all("caption")) == len(found.all("table"))
        assert found.all("style") == []
        assert all("src" in script for script in found.all("script"))
        assert not [g for _, g in found.tags if any(name == "style" or name.startswith("on") for name in g)]
        assert all(form.get("method") in ("post", "dialog") for form in found.all("form"))


# --- what others do appears at once


def test_the_pulse_is_another_one_after_everything_that_the_page_shows(browser: Browser) -> None:
    def beat() -> str:
        with browser.state.database.read() as c:
            return pulse.read(c, "default", 4)

    seen = [beat()]
    for deed, fields in (
        ("say", {"kind": "topic", "text": "話題"}),
        ("freeze", {}),
        ("start", {}),
        ("visit", {"page": "run", "item": "2"}),
        ("act", {"page": "run", "item": "2", **PROMISE}),
        ("close", {"page": "run", "text": "時間切れ"}),
    ):
        browser.does(f"{MEETING}/{deed}", **fields)
        assert beat() == beat()
        seen.append(beat())
    browser.at(browser.clock() + M)
    seen.append(beat())
    assert len(set(seen)) == len(seen), seen


@pytest.fixture
def address(state: State, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real server on the loopback."""
    state.settings = state.settings.model_copy(update={"open_pages": True})
    app = create_app(state.settings, scheduled=False, state=state)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    monkeypatch.setattr(live.streams, "ending", True)
    server.should_exit = True
    thread.join(10)
    assert not thread.is_alive()


@on_sqlite
def test_a_browser_hears_of_what_another_one_writes_and_gives_its_seat_back(browser, address) -> None:
    heard: list[str] = []
    with httpx.stream("GET", f"{address}{MEETING}/events", timeout=20) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            heard += [line] if line.startswith("id:") else []
            if len(heard) == 1:
                browser.does(f"{MEETING}/say", kind="topic", text="新しい話題")
            if len(heard) == 2:
                assert live.streams.open == 1
                break
    assert heard[0] != heard[1]
    for _ in range(100):
        if live.streams.open == 0:
            break
        threading.Event().wait(0.1)
    assert live.streams.open == 0
