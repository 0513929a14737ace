"""Visits and spend are replaced, never doubled; channels are decided by people; content is counted by its use."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import insert, select, update

from app.db import Database
from app.domain.channel import ChannelKey
from app.domain.content import Described
from app.domain.refusals import Refused
from app.domain.spend import ChannelSpend, Line
from app.domain.website import Visit, Visits
from app.flows import channels, contents, imports, spend, website
from app.flows.channels import NoSuchWord, Unmapped
from app.flows.contents import NoSuchContent
from app.flows.website import Group
from app.models import AuditEntry, Lead
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact

DAY = date(2026, 9, 17)
NEXT = date(2026, 9, 18)
BY = {"by": "ops", "now": FRIDAY}


def visit(
    page: str = "", channel: str = "", sessions: int = 100, users: int | None = 80, conversions: int = 4
) -> Visit:
    return Visit(page=page, channel=channel, sessions=sessions, users=users, conversions=conversions)


def put(database: Database, days: dict[date, list[Visit]]) -> None:
    with database.write() as c:
        website.replace(c, days, **BY)


def entries(database: Database) -> list[tuple[str, str, object, object]]:
    with database.read() as c:
        rows = c.execute(select(AuditEntry.__table__).order_by(AuditEntry.id)).all()
    return [(row.action, row.subject, row.before, row.after) for row in rows]


# --- visits


def test_a_day_told_twice_counts_once_and_other_days_stay(database: Database) -> None:
    put(database, {DAY: [visit("/a"), visit("/b")], NEXT: [visit("/a", sessions=7)]})
    put(database, {DAY: [visit("/b", sessions=60, conversions=3)]})
    with database.read() as c:
        assert website.totals(c, DAY, NEXT) == Visits(67, 160, 7, 2)
        assert website.totals(c, DAY, DAY) == Visits(60, 80, 3, 1)
        assert website.totals(c, DAY - timedelta(days=9), DAY - timedelta(days=1)) == Visits(0, None, 0, 0)
        assert [row.page for row in website.rows_of(c, DAY)] == ["/b"]
    assert entries(database)[-1] == (
        "web_visits.set",
        "web_visits:2026-09-17",
        {"rows": 2, "sessions": 200, "conversions": 8},
        {"rows": 1, "sessions": 60, "conversions": 3},
    )


def test_a_day_without_rows_is_forgotten(database: Database) -> None:
    put(database, {DAY: [visit("/a")]})
    put(database, {DAY: []})
    with database.read() as c:
        assert website.totals(c, DAY, DAY).days_with_data == 0


def test_users_are_not_known_where_one_row_does_not_say(database: Database) -> None:
    put(database, {DAY: [visit("/a"), visit("/b", users=None)], NEXT: [visit("/a")]})
    with database.read() as c:
        assert website.totals(c, DAY, NEXT).users is None
        found = {group.name: group.visits.users for group in website.grouped(c, DAY, NEXT, "page")}
    assert found == {"/a": 160, "/b": None}


def test_taken_apart_by_day_page_and_channel(database: Database) -> None:
    put(
        database,
        {
            DAY: [visit("/a", "検索", 10), visit("/a", "google / organic", 30), visit("", "utm-7", 500)],
            NEXT: [visit("/b", "Search", 20)],
        },
    )
    with database.write() as c:
        channels.decide(c, "Google / Organic", ChannelKey.SEARCH, **BY)
    with database.read() as c:
        days = website.grouped(c, DAY, NEXT, "day")
        assert [(group.name, group.visits.sessions) for group in days] == [("2026-09-17", 540), ("2026-09-18", 20)]
        pages = website.grouped(c, DAY, NEXT, "page")
        assert [(group.name, group.visits.sessions) for group in pages] == [(None, 500), ("/a", 40), ("/b", 20)]
        assert website.grouped(c, DAY, NEXT, "channel") == [
            Group(None, Visits(500, 80, 4, 1)),
            Group("search", Visits(60, 240, 12, 2)),
        ]


def test_two_who_replace_the_same_day_leave_one_of_both(database: Database) -> None:
    barrier = threading.Barrier(2)

    def replacing(page: str) -> None:
        barrier.wait()
        for _ in range(5):
            put(database, {DAY: [visit(f"/{page}{number}") for number in range(20)]})

    threads = [threading.Thread(target=replacing, args=(page,)) for page in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as c:
        pages = [row.page for row in website.rows_of(c, DAY)]
    assert len(pages) == 20
    assert len({page[1] for page in pages}) == 1


# --- spend


def test_spend_by_channel_adds_up_what_is_known(database: Database) -> None:
    august, september = date(2026, 8, 1), date(2026, 9, 1)
    with database.write() as c:
        channels.decide(c, "リスティング", ChannelKey.ADS, **BY)
        lines = [
            Line(channel="広告", campaign="a", planned=100, spent=90),
            Line(channel="リスティング", planned=50),
            Line(channel="展示会", planned=300),
            Line(channel="広告", campaign="b", spent=7, currency="USD"),
            Line(channel="なにか", spent=1),
        ]
        spend.replace(c, {september: lines, august: [Line(channel="ads", spent=10)]}, **BY)
        spend.replace(c, {august: [Line(channel="ads", spent=20)]}, **BY)
    with database.read() as c:
        assert spend.by_channel(c, august, september) == [
            ChannelSpend(ChannelKey.ADS, "JPY", 150, 110, 1),
            ChannelSpend(ChannelKey.ADS, "USD", None, 7, 0),
            ChannelSpend(ChannelKey.EXHIBITION, "JPY", 300, None, 1),
            ChannelSpend(None, "JPY", None, 1, 0),
        ]
        assert spend.by_channel(c, august, august) == [ChannelSpend(ChannelKey.ADS, "JPY", None, 20, 0)]
        assert [line.channel for line in spend.lines_of(c, august)] == ["ads"]
    assert entries(database)[-1][1:] == (
        "spend:2026-08",
        {"lines": 1, "JPY": {"planned": None, "spent": 10}},
        {"lines": 1, "JPY": {"planned": None, "spent": 20}},
    )


# --- channels


def leads(database: Database, *sources: str | None, **more: object) -> None:
    with database.write() as c:
        common = {"first_seen_at": FRIDAY, "updated_at": FRIDAY, "history": {}, "funnel_due": False}
        c.execute(insert(Lead), [common | {"source": source, **more} for source in sources])


def test_what_nobody_decided_is_unknown_with_its_own_count(database: Database) -> None:
    leads(database, "Webinar", "webinar ", "ＷＥＢＩＮＡＲ", "google / organic", "utm-7", None, "")
    leads(database, "webinar", excluded="test")
    put(database, {DAY: [visit("/a", "utm-7"), visit("/b", "検索")]})
    with database.write() as c:
        spend.replace(c, {date(2026, 9, 1): [Line(channel="なにか", spent=1)]}, **BY)
        channels.decide(c, "Google / organic", ChannelKey.SEARCH, **BY)
    with database.read() as c:
        found = channels.listing(c)
        assert channels.mapping(c) == {"google / organic": ChannelKey.SEARCH}
    assert [(one.raw, one.leads, one.set_by) for one in found.decided] == [("google / organic", 1, "ops")]
    assert list(found.unmapped) == [
        Unmapped("webinar", 3, 0, 0, ChannelKey.WEBINAR),
        Unmapped("utm-7", 1, 1, 0, None),
        Unmapped("なにか", 0, 0, 1, None),
    ]
    assert (found.leads, found.unknown, found.without_source, found.unmapped_words) == (7, 6, 2, 3)


def test_a_decision_can_be_changed_and_taken_back(database: Database) -> None:
    with database.write() as c:
        assert channels.decide(c, " ＳＥＯ", ChannelKey.ADS, **BY) == "seo"
        channels.decide(c, "seo", ChannelKey.SEARCH, **BY)
        assert channels.one(c, "Seo").channel is ChannelKey.SEARCH
        channels.remove(c, "SEO", **BY)
        assert channels.mapping(c) == {}
        with pytest.raises(NoSuchWord):
            channels.remove(c, "seo", **BY)
        with pytest.raises(NoSuchWord):
            channels.one(c, "seo")
    assert entries(database) == [
        ("channel.set", "channel:seo", None, {"channel": "ads"}),
        ("channel.set", "channel:seo", {"channel": "ads"}, {"channel": "search"}),
        ("channel.removed", "channel:seo", {"channel": "search"}, None),
    ]


# --- content


def test_stale_content_with_how_much_it_is_used(database: Database, apply) -> None:
    today = FRIDAY.date()
    with database.write() as c:
        for asset, reviewed in (("old", date(2026, 1, 1)), ("never", None), ("fresh", date(2026, 9, 1))):
            contents.describe(c, asset, Described(last_reviewed=reviewed), today=today, **BY)
    who = [(ExternalId("hubspot", str(number)),) for number in range(3)]
    days = [("never", 1, 0), ("never", 20, 1), ("old", 89, 2), ("old", 91, 0), ("fresh", 2, 1), ("other", 1, 1)]
    apply(
        [
            fact("activity", FRIDAY - timedelta(days=ago), lead=who[number], activity="download", asset=asset)
            for asset, ago, number in days
        ],
        FRIDAY,
    )
    with database.read() as c:
        stale = contents.stale(c, FRIDAY, today)
        assert [(one.asset, one.lately) for one in stale] == [("never", 2), ("old", 1)]
        assert [one.asset for one in contents.stale(c, FRIDAY, today, 12)] == ["never"]
        assert [(one.asset, one.lately) for one in contents.listed(c, FRIDAY)] == [
            ("fresh", 1), ("never", 2), ("old", 1),
        ]  # fmt: skip


def test_content_is_described_changed_and_removed(database: Database) -> None:
    today, first = FRIDAY.date(), Described(title="導入事例集", owner="佐藤")
    with database.write() as c:
        assert contents.describe(c, " wp-07 ", first, today=today, **BY) == "wp-07"
        contents.describe(c, "wp-07", Described(title="導入事例集"), today=today, **BY)
        assert contents.read(c, "wp-07") == Described(title="導入事例集")
        contents.remove(c, "wp-07", **BY)
        with pytest.raises(NoSuchContent):
            contents.remove(c, "wp-07", **BY)
        with pytest.raises(Refused) as why:
            contents.describe(c, "wp-07", Described(last_reviewed=today + timedelta(days=1)), today=today, **BY)
    assert why.value.refusals[0].place == "/last_reviewed"
    (_, _, before, made), (_, _, _, changed), (action, *_) = entries(database)
    assert isinstance(made, dict)
    assert isinstance(changed, dict)
    assert (before, made["owner"], changed["owner"], action) == (None, "佐藤", None, "content.removed")


# --- files


def test_a_file_is_stored_whole_or_not_at_all(database: Database) -> None:
    put(database, {DAY: [visit("/before")]})
    file = "day,page,channel,sessions,conversions\n2026-09-17,/a,utm-7,10,1\n2026-09-18,/a,検索,5,{}\n"
    given = {"today": NEXT, **BY}
    with pytest.raises(Refused):
        imports.visits(database, file.format("x").encode(), **given)
    tried = imports.visits(database, file.format("2").encode(), dry_run=True, **given)
    with database.read() as c:
        assert [row.page for row in website.rows_of(c, DAY)] == ["/before"]
    done = imports.visits(database, file.format("2").encode(), **given)
    assert imports.visits(database, file.format("2").encode(), **given) == done
    with database.read() as c:
        assert website.totals(c, DAY, NEXT) == Visits(15, None, 3, 2)
    assert (tried.stored, done.stored, done.rows, done.first, done.last) == (False, True, 2, DAY, NEXT)
    assert list(done.unknown_channels) == ["utm-7"]
    assert entries(database)[-1][1] == "web_visits:2026-09-17..2026-09-18"


def test_leads_that_joined_another_count_once(database: Database) -> None:
    leads(database, "webinar", "webinar")
    with database.write() as c:
        first, second = c.scalars(select(Lead.id).order_by(Lead.id))
        c.execute(update(Lead).where(Lead.id == second).values(joined_into=first))
    with database.read() as c:
        assert channels.listing(c).leads == 1
