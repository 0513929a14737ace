"""One agenda in all its forms: the same content, whatever a company calls itself."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import openpyxl
import pytest
from jsonschema import Draft202012Validator, ValidationError
from markdown_it import MarkdownIt

from app.domain.agenda import Agenda, Breach, Cause, Entry, Figures, Group, Lead
from app.domain.calendar import Calendar, japanese_office, with_public_holidays
from app.domain.completeness import Wanted, completeness
from app.domain.kpi import Definition, Figure, Kpi, State
from app.domain.series import Meeting, Series, meetings
from app.domain.statistics import Share
from app.domain.template import built_in
from app.flows.agendas import Prepared
from app.flows.cases import Asked
from app.flows.discussion import Discussion
from app.flows.messages import who
from app.pages import formats
from app.pages.agenda import document
from app.pages.document import Document
from app.pages.formats import Form
from app.pages.ics import series_ics, time_zone

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = with_public_holidays(japanese_office(), range(2026, 2028))
SERIES = Series(
    name="営業×マーケ連携会議", weekday="mon", time="10:00", every_weeks=2, minutes=75, first=date(2026, 9, 7)
)
SINCE, NOW = datetime(2026, 9, 7, 1, tzinfo=UTC), datetime(2026, 9, 23, 3, tzinfo=UTC)
DUE = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
H = timedelta(hours=1)
NASTY = [
    "| <script> *x*",
    "<script>alert(1)</script>",
    "a|b\\|c\\",
    "[x](javascript:alert(1)) ![y](https://evil.example/z.png)",
    "`code` _em_ **b** ~~s~~ # h",
    "&lt;b&gt; &amp; <https://evil.example/>",
    "two\nlines\r\n\r\n- item\x00\x0b\u2028| cell |",
    "\u202egnitirw",
    "]](x) ]( <y>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }} {% raw %} {name}",
    "<!-- x -->",
    "$(id) =1+1",
]


def breach(number: int, **changes: Any) -> Breach:
    plain = Breach(
        handoff_id=number,
        lead=Lead(number, "佐藤", "山田製作所"),
        policy_id=1,
        owner="田中",
        qualified_at=DUE - 24 * H,
        visible_at=DUE - 24 * H,
        assigned_at=DUE - 24 * H,
        due_at=DUE,
        touched_at=None,
        automated_touches=0,
        link=f"https://tasuki.example.com/handoffs/{number}",
    )
    return replace(plain, **changes)


def entry(number: int, *, new: bool = True, working: bool = False, **changes: Any) -> Entry:
    return Entry(breach(number, **changes), timedelta(hours=26, minutes=5), working, new)


def agenda(*entries: Entry, series: Series = SERIES, **figures: int) -> Agenda:
    counted = Figures(mqls=76, leads=72, met=41, breached=11, voided=0, unknown=0, withdrawn=1)
    groups = [Group(Cause.UNEXPLAINED, len(entries), sum(e.new for e in entries), entries)] if entries else []
    (meeting,) = meetings(series, OFFICE, NOW, 1)
    return Agenda("default", series, meeting, SINCE, NOW, replace(counted, **figures), tuple(groups))


def nasty(words: str) -> Agenda:
    return agenda(entry(1, lead=Lead(1, words, words), owner=words), series=named(words))


def named(words: str) -> Series:
    """A series' name is refused when it has several lines, so it is given without them here."""
    return SERIES.model_copy(update={"name": words})


NOTHING = Discussion(
    actions=(),
    criteria={},
    channels={},
    by_content={},
    completeness=completeness(0, Wanted(), (), Share(0, 0)),
    reasons=(),
    stale=(),
    month=date(2026, 8, 1),
    costs=(),
    quality=(),
    rules=(),
    policies=(),
    proposals=(),
    reviews=(),
)


def paper(shown: Agenda, locale: str, zone: ZoneInfo = TOKYO) -> Document:
    counting = Asked(SINCE, NOW, NOW, shown.definition)
    return document(Prepared(shown, built_in(75), 0, counting, NOTHING), locale, zone)


def agenda_markdown(shown: Agenda, locale: str, zone: ZoneInfo = TOKYO) -> str:
    return formats.markdown(paper(shown, locale, zone))


def agenda_html(shown: Agenda, locale: str, zone: ZoneInfo = TOKYO) -> str:
    return formats.html(paper(shown, locale, zone))


def agenda_json(shown: Agenda, locale: str) -> dict[str, Any]:
    return paper(shown, locale).plain()


# --- reading what was rendered


class Reader(HTMLParser):
    """Text by element, and every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("li", "td", "th", "h1", "h2", "h3", "p"):
            self.texts.setdefault(tag, []).append("")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self._open:
            if tag in self.texts:
                self.texts[tag][-1] += data

    def all_texts(self) -> list[str]:
        return [" ".join(words.split()) for tag in sorted(self.texts) for words in self.texts[tag]]


ALLOWED = {
    "article",
    "section",
    "blockquote",
    "h1",
    "h2",
    "h3",
    "p",
    "ul",
    "li",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "a",
}


def from_markdown(markdown: str) -> Reader:
    return Reader(MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(markdown))


def cells(found: Reader, columns: int = 5) -> list[list[str]]:
    """Rows of the last table."""
    return [found.texts["td"][-columns:]]


# --- the same content


def said(shown: Document) -> list[str]:
    """Everything that the paper says, in reading order, white space aside."""
    return [" ".join(cell.split()) for row in formats.rows(shown) for cell in row if cell and "://" not in cell[:8]]


def spoken(found: Reader) -> list[str]:
    """The words of a rendered paper, sorted; of the items' headings as often as they stand there."""
    return sorted(text for text in found.all_texts() if text)


@pytest.mark.parametrize("locale", ["ja", "en"])
@pytest.mark.parametrize("words", ["山田製作所", *NASTY])
def test_every_form_says_the_same_whatever_the_name(words: str, locale: str) -> None:
    shown = paper(nasty(words), locale)
    markdown, html = from_markdown(formats.markdown(shown)), Reader(formats.html(shown))
    assert spoken(markdown) == spoken(html)
    assert set(said(shown)) == set(spoken(html))
    table = csv.reader(io.StringIO(formats.comma_separated(shown).removeprefix("\ufeff")))
    book = openpyxl.load_workbook(io.BytesIO(formats.workbook(shown))).active
    written = [[cell for cell in row if cell] for row in formats.rows(shown)]
    plain = [[cell for cell in row if cell] for row in table]
    assert [[cell.removeprefix("'") for cell in row] for row in plain] == [
        [cell.removeprefix("'") for cell in row] for row in written
    ]
    assert [[c.value for c in row if c.value] for row in book.iter_rows()] == written
    assert Document.model_validate(json.loads(formats.written(shown, Form.JSON))) == shown
    label = shown.breaches["groups"][0]["entries"][0]["lead"]["label"]
    assert label in said(shown)
    assert "\n" not in label
    if words not in NASTY[6:8]:
        assert words in label


def test_no_cell_is_a_formula() -> None:
    shown = paper(agenda(entry(1, owner="=1+1")), "ja")
    assert "'=1+1" in formats.comma_separated(shown)
    book = openpyxl.load_workbook(io.BytesIO(formats.workbook(shown))).active
    assert {cell.data_type for row in book.iter_rows() for cell in row if cell.value} == {"s"}


def test_the_json_follows_its_schema() -> None:
    schema = Document.model_json_schema(mode="serialization")
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for locale in ("ja", "en"):
        validator.validate(json.loads(formats.written(paper(agenda(entry(1)), locale), Form.JSON)))
    with pytest.raises(ValidationError):
        validator.validate(paper(agenda(), "ja").plain() | {"schema": "tasuki.agenda/1"})


def test_the_tag_changes_with_what_is_said_and_not_with_the_time() -> None:
    before = formats.fingerprint(paper(agenda(entry(1)), "ja"))
    later = replace(agenda(replace(entry(1), overdue=timedelta(hours=99))), as_of=NOW + H)
    assert formats.fingerprint(paper(later, "ja")) == before
    assert formats.fingerprint(paper(agenda(entry(1), entry(2)), "ja")) != before
    assert formats.fingerprint(paper(agenda(entry(1), mqls=77), "ja")) != before


@pytest.mark.parametrize("words", NASTY)
def test_no_name_becomes_markup(words: str) -> None:
    for found in (
        from_markdown(agenda_markdown(nasty(words), "ja", TOKYO)),
        Reader(agenda_html(nasty(words), "ja", TOKYO)),
    ):
        assert {tag for tag, _ in found.tags} <= ALLOWED
        links = [attributes["href"] for tag, attributes in found.tags if tag == "a"]
        assert links == ["https://tasuki.example.com/handoffs/1"]
        assert not [a for _, attributes in found.tags for a in attributes if a.startswith("on") or a == "src"]


def test_a_table_has_five_columns_at_most_and_nothing_comes_from_other_hosts() -> None:
    markdown = agenda_markdown(agenda(entry(1)), "ja", TOKYO)
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert max(line.count(" | ") + 1 for line in rows) == 5
    html = agenda_html(agenda(entry(1)), "ja", TOKYO)
    assert [word for word in html.split('"') if "://" in word] == ["https://tasuki.example.com/handoffs/1"]
    assert 'lang="ja"' in html


def linked(label: str, number: int) -> str:
    return f"[{label}](<https://tasuki.example.com/handoffs/{number}>)"


def test_japanese_markdown_as_people_paste_it() -> None:
    shown = agenda(
        entry(1),
        entry(2, working=True, owner=None, touched_at=NOW),
        entry(3, new=False, lead=Lead(3, None, None)),
    )
    whole = agenda_markdown(shown, "ja", TOKYO)
    assert whole.startswith(
        "# 営業×マーケ連携会議 \\#2\n"
        "\n"
        "- 2026-09-24(木) 10:00–11:15\n"
        "- 日程変更: 9/21(月)は敬老の日のため\n"
        "- 対象期間: 9/7(月) 10:00 〜 9/23(水) 12:00\n"
        "- 議論・決定 50分 / 報告 25分\n"
        "\n"
        "## 1. 前回会議のアクションアイテムの確認(10分)\n"
        "\n"
        "10:00〜・進行 進行役\n"
        "\n"
        "> 未完了はどれか。その理由と、新しい期限は。\n"
        "\n"
        "未完了のアクションはありません。\n"
        "\n"
        "## 2. KPIレビュー(10分)\n"
        "\n"
        "10:10〜・進行 マーケティング責任者\n"
    )
    assert (
        "### 前回会議以降\n"
        "\n"
        "| 指標 | 値 |\n"
        "| --- | --- |\n"
        "| MQL創出数 | 76件(72名) |\n"
        "| SLA達成率(期限が対象期間内) | 41/52 78.8% \\[66.0–87.8\\] |\n"
        "| 違反の取消(期限内対応・後から記録) | 1 |\n"
    ) in whole
    assert (
        "SLA違反 3件(前回以降 2件・継続 1件)\n"
        "\n"
        "### 説明なし 3件\n"
        "\n"
        "データからは原因がわかりません。担当者に事情を確認しましょう。\n"
        "\n"
        "| リード | 担当 | 期限 | 超過 | 状態 |\n"
        "| --- | --- | --- | --- | --- |\n"
        f"| {linked('山田製作所 佐藤 様', 1)} | 田中 | 9/18(金) 17:30 | 1日2時間 | 未対応 |\n"
        f"| {linked('山田製作所 佐藤 様', 2)} | 未割当 | 9/18(金) 17:30 | 営業26:05 | 期限後に対応済み |\n"
        f"| {linked('リード 3', 3)} | 田中 | 9/18(金) 17:30 | 1日2時間 | 未対応(前回から継続) |\n"
    ) in whole


BOARD = (
    Figure(Kpi.MQLS, {State.HIT: 76}, 72),
    Figure(Kpi.MQL_TO_SQL, {State.HIT: 12, State.MISS: 40, State.OBSERVING: 9}, 12),
)


def test_kpis_stand_in_every_form_with_their_basis() -> None:
    shown = replace(agenda(), kpis=BOARD, definition=Definition(window_days=45, targets={"mqls": 80}))
    lines = [
        ["MQL創出数", "76件(72名)", "マーケティング", "期間内にMQLになった件数。かっこ内は人数"],
        [
            "MQL→SQL転換率",
            "12/52 23.1% [13.7–36.1] · 観測中 9件",
            "両部門共通",
            "対MQL・45日以内・発生月。45日に満たないものは観測中",
        ],
    ]
    for found in (from_markdown(agenda_markdown(shown, "ja", TOKYO)), Reader(agenda_html(shown, "ja", TOKYO))):
        first = found.texts["td"].index(lines[0][0], found.texts["td"].index(lines[0][0]) + 1)
        cells = found.texts["td"][first : first + 8]
        assert [cells[:4], cells[4:]] == lines
        assert "KPI(直近91日)" in found.texts["h3"]
    said = agenda_json(shown, "ja")["kpis"]
    assert [[one["title"], one["in_words"], one["owner"], one["basis"]] for one in said] == lines
    assert [(one["value"], one["target"]) for one in said] == [(76, 80), (12 / 52, None)]


def test_english_figures_and_an_empty_agenda() -> None:
    empty = agenda(met=3, breached=0, voided=2, unknown=1, withdrawn=0)
    markdown = agenda_markdown(empty, "en", ZoneInfo("Europe/Berlin"))
    assert "- Thu 2026-09-24 03:00–04:15\n" in markdown
    assert "- Moved: Mon 9/21 is 敬老の日\n" in markdown
    assert "| SLA attainment (due in this period) | 3/3 |" in markdown
    assert "| Not counted (excluded, returned without a reason) | 2 |" in markdown
    assert "| Not judged (no data from the source) | 1 |" in markdown
    assert "withdrawn" not in markdown
    assert "\n\nSLA breaches: none open, none since the last meeting\n\n" in markdown


def test_what_is_not_listed_is_counted() -> None:
    many = replace(agenda(), groups=(Group(Cause.NO_OWNER, 103, 3, (entry(1),)),))
    assert "\n\nほか 102件\n\n" in agenda_markdown(many, "ja", TOKYO)
    assert "<p>and 102 more</p>" in agenda_html(many, "en", TOKYO)
    (group,) = agenda_json(many, "en")["breaches"]["groups"]
    assert (group["count"], len(group["entries"])) == (103, 1)


def test_json_has_times_in_utc_and_every_fact_of_an_entry() -> None:
    said = agenda_json(agenda(entry(1, touched_at=NOW), entry(2, new=False, working=True, owner=None)), "en")
    assert json.loads(json.dumps(said)) == said
    assert said["schema"] == "tasuki.agenda/2"
    assert said["series"] == {"key": "default", "name": "営業×マーケ連携会議"}
    assert said["meeting"] == {
        "number": 2,
        "start": "2026-09-24T01:00:00Z",
        "end": "2026-09-24T02:15:00Z",
        "minutes": 75,
        "time_zone": "Asia/Tokyo",
        "planned": "2026-09-21",
        "moved": True,
        "moved_because": "敬老の日",
    }
    assert (said["since"], said["as_of"]) == ("2026-09-07T01:00:00Z", "2026-09-23T03:00:00Z")
    assert said["figures"]["attainment"]["met"] == 41
    assert said["figures"]["attainment"]["n"] == 52
    assert said["figures"]["attainment"]["weight"] == "solid"
    assert {key: said["breaches"][key] for key in ("count", "new", "carried_over")} == {
        "count": 2,
        "new": 1,
        "carried_over": 1,
    }
    (group,) = said["breaches"]["groups"]
    assert (group["cause"], group["title"], group["count"], group["new"]) == ("unexplained", "Unexplained", 2, 1)
    late, carried = group["entries"]
    assert late == {
        "handoff_id": 1,
        "lead": {"id": 1, "label": who(Lead(1, "佐藤", "山田製作所"), "en")},
        "owner": "田中",
        "qualified_at": "2026-09-17T08:30:00Z",
        "due_at": "2026-09-18T08:30:00Z",
        "touched_at": "2026-09-23T03:00:00Z",
        "overdue_seconds": 93900,
        "overdue_in": "elapsed_time",
        "state": "followed_up_late",
        "still_open": False,
        "new": True,
        "link": "https://tasuki.example.com/handoffs/1",
    }
    assert (carried["state"], carried["owner"], carried["overdue_in"]) == ("carried_over", None, "working_time")


@pytest.mark.parametrize(("met", "breached", "told"), [(3, 6, False), (0, 0, False), (3, 7, True)])
def test_json_gives_no_rate_of_few_cases_either(met: int, breached: int, told: bool) -> None:
    share = agenda_json(agenda(met=met, breached=breached), "ja")["figures"]["attainment"]
    assert (share["met"], share["n"]) == (met, met + breached)
    assert (share["rate"] is not None, share["interval_95"] is not None) == (told, told)


# --- the calendar feed


def ics(series: Series = SERIES, found: Agenda | None = None, *, sequence: int = 7, calendar: Calendar = OFFICE) -> str:
    around = meetings(series, calendar, SINCE - H, 6)
    shown = found or agenda(entry(1), series=series)
    return series_ics("default", series, around, shown, "ja", "https://tasuki.example.com/meetings", sequence=sequence)


def events(feed: str) -> list[icalendar.Event]:
    return list(icalendar.Calendar.from_ical(feed).events)


def test_every_meeting_is_an_event_with_a_stable_id() -> None:
    found = events(ics())
    assert [str(e["UID"]) for e in found] == [f"default-{n}@meetings.tasuki" for n in range(1, 7)]
    assert [f"{e.start:%m-%d %H:%M %Z}" for e in found[:3]] == ["09-07 10:00 JST", "09-24 10:00 JST", "10-05 10:00 JST"]
    assert {e.end - e.start for e in found} == {timedelta(minutes=75)}
    assert str(found[1]["SUMMARY"]) == "営業×マーケ連携会議 #2"
    assert {(e["SEQUENCE"], e["DTSTAMP"].dt, str(e["URL"])) for e in found} == {
        (7, NOW, "https://tasuki.example.com/meetings")
    }
    assert all(e.is_thunderbird is not None and not e.errors for e in found)


def test_the_feed_holds_what_the_standards_ask_for() -> None:
    feed = ics()
    assert feed.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:")
    assert feed.replace("\r\n", "").count("\n") == 0
    assert feed.replace("\r\n", "").count("\r") == 0
    assert max(len(line.encode()) for line in feed.split("\r\n")) <= 75
    assert "\r\nREFRESH-INTERVAL;VALUE=DURATION:PT6H\r\n" in feed
    assert "\r\nX-PUBLISHED-TTL:PT6H\r\n" in feed
    assert "\r\nDTSTART;TZID=Asia/Tokyo:20260924T100000\r\n" in feed
    assert feed.count("BEGIN:VTIMEZONE") == 1


def test_counts_stand_in_the_next_meeting_alone_and_no_names_anywhere() -> None:
    found = events(ics(found=agenda(entry(1), entry(2, new=False))))
    link = "https://tasuki.example.com/meetings"
    assert str(found[1]["DESCRIPTION"]).splitlines() == [
        "日程変更: 9/21(月)は敬老の日のため",
        "MQL創出数: 76件(72名)",
        "SLA達成率(期限が対象期間内): 41/52 78.8% [66.0–87.8]",
        "違反の取消(期限内対応・後から記録): 1",
        "SLA違反 2件(前回以降 1件・継続 1件)",
        "- 説明なし 2件",
        "9/23(水) 12:00 時点",
        link,
    ]
    assert {str(e["DESCRIPTION"]) for e in (found[0], *found[2:])} == {link}
    unfolded = ics().replace("\r\n ", "")
    for private in ("佐藤", "山田製作所", "田中", "handoffs"):
        assert private not in unfolded


@pytest.mark.parametrize("words", [w for w in NASTY if w not in NASTY[6:8]] + ["会議;," * 40, "a" * 100, "🚄" * 50])
def test_a_name_survives_escaping_and_folding(words: str) -> None:
    feed = ics(named(words))
    assert max(len(line.encode()) for line in feed.split("\r\n")) <= 75
    calendar = icalendar.Calendar.from_ical(feed)
    # The reader knows neither property and leaves their text escaped (RFC 5545, 3.3.11).
    escaped = words.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    assert str(calendar["X-WR-CALNAME"]) == str(calendar["NAME"]) == escaped
    assert str(calendar.events[0]["SUMMARY"]) == f"{words} #1"
    assert len(calendar.events) == 6


@pytest.mark.parametrize(
    ("name", "onsets"),
    [
        ("Asia/Tokyo", []),
        # RFC 5545, 3.6.5: the onset is told by the clock that was in force until then
        ("Europe/Berlin", ["DAYLIGHT 20260329T020000 +0100 +0200", "STANDARD 20261025T030000 +0200 +0100"]),
        ("America/New_York", ["DAYLIGHT 20260308T020000 -0500 -0400", "STANDARD 20261101T020000 -0400 -0500"]),
        ("Australia/Lord_Howe", ["STANDARD 20260405T020000 +1100 +1030", "DAYLIGHT 20261004T020000 +1030 +1100"]),
        ("America/Santiago", ["STANDARD 20260405T000000 -0300 -0400", "DAYLIGHT 20260906T000000 -0400 -0300"]),
    ],
)
def test_time_zones_change_when_the_clocks_do(name: str, onsets: list[str]) -> None:
    zone = ZoneInfo(name)
    component = time_zone(zone, datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    first, *changes = component.subcomponents
    assert first["TZOFFSETFROM"].td == first["TZOFFSETTO"].td == datetime(2026, 1, 1, tzinfo=zone).utcoffset()
    assert [
        f"{c.name} {c.DTSTART:%Y%m%dT%H%M%S} {c['TZOFFSETFROM'].to_ical()} {c['TZOFFSETTO'].to_ical()}" for c in changes
    ] == onsets


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC", "Etc/UTC", "Asia/Kolkata"])
def test_an_event_is_at_the_meetings_instant_by_the_feeds_own_time_zone(name: str) -> None:
    calendar = Calendar(weekly={"mon": ["09:00-18:00"]}, time_zone=name)
    series = SERIES.model_copy(update={"time_zone": name, "every_weeks": 1, "first": date(2026, 10, 12)})
    around = meetings(series, calendar, datetime(2026, 10, 1, tzinfo=UTC), 6)
    shown = agenda(series=series)
    # The zone gets a name of its own, so that the reader has nothing but the feed's definition of it.
    feed = series_ics("default", series, around, shown, "en", "https://x.example/", sequence=0)
    if name != "UTC":
        feed = feed.replace(name, f"Not-{name}")
    assert [e.start.astimezone(UTC) for e in events(feed)] == [m.start for m in around]


def test_a_series_without_meetings_is_an_empty_calendar() -> None:
    empty = icalendar.Calendar.from_ical(series_ics("x", SERIES, [], agenda(), "ja", "https://x.example/", sequence=0))
    assert empty.events == []


def test_a_meeting_by_hand_is_dated_by_its_own_start() -> None:
    meeting = Meeting(
        3, date(2026, 10, 5), datetime(2026, 10, 5, 1, tzinfo=UTC), datetime(2026, 10, 5, 2, tzinfo=UTC), None
    )
    (event,) = events(series_ics("k", SERIES, [meeting], agenda(), "ja", "https://x.example/", sequence=0))
    assert event.start.astimezone(UTC) == meeting.start
