"""The agenda is read from the handoffs as they stand; series and their feeds are kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app.db import Database
from app.domain.agenda import LISTED, Agenda, Cause
from app.domain.calendar import japanese_office
from app.domain.series import Series
from app.flows import agendas, meetings, policies, sweep
from app.flows.policies import Cache, NoSuchCalendar
from app.models import Handoff, Lead, MeetingSeries
from app.settings import Settings
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
#: Wednesday, a holiday; the meeting is on Thursday 9/24 at 10:00, the last one was on 9/17.
NOW = datetime(2026, 9, 23, 3, tzinfo=UTC)
THURSDAYS = Series(name="連携会議", weekday="thu", time="10:00", first=date(2026, 9, 3))


@pytest.fixture
def series(database: Database) -> Series:
    with database.write() as c:
        meetings.remove_series(c, "default")
        meetings.set_series(c, "default", THURSDAYS, "default", FRIDAY - timedelta(days=30))
    return THURSDAYS


def read(database: Database, settings: Settings, now: datetime = NOW, key: str = "default") -> Agenda:
    with database.read() as c:
        return agendas.next_agenda(c, settings, now, key)


def person(name: str) -> tuple[ExternalId, ...]:
    return (ExternalId("hubspot", name),)


def handed_over(name: str, at: datetime, owner: str | None = "tanaka") -> list[Any]:
    """The lead becomes MQL, owned by somebody from before on."""
    lead = person(name)
    known = [fact("lead", at - 5 * H, lead=lead, name=name, company="山田製作所")]
    owned = [fact("owner", at - 4 * H, lead=lead, owner=owner, name="田中")] if owner else []
    return [*known, *owned, *mql(at, lead=lead)]


def call(name: str, at: datetime, **more: Any) -> list[Any]:
    return [fact("follow_up", at, lead=person(name), channel="call", automated=False, **more)]


def seen(agenda: Agenda) -> dict[str, list[tuple[str | None, bool, bool]]]:
    """Cause → name, new, still open."""
    return {
        group.cause.value: [(e.breach.lead.name, e.new, e.breach.still_open) for e in group.entries]
        for group in agenda.groups
    }


def test_breaches_since_the_last_meeting_and_older_ones_still_open(database, settings, series, apply) -> None:
    tuesday, monday_before = FRIDAY - 3 * 24 * H, FRIDAY - 11 * 24 * H
    apply(handed_over("weekend", FRIDAY), FRIDAY)  # due on Saturday
    apply(handed_over("nobody", monday_before, owner=None), FRIDAY)  # due before the last meeting
    apply(handed_over("late", tuesday + 24 * H) + call("late", tuesday + 60 * H), FRIDAY)  # due 9/17 17:30
    apply(handed_over("late-before", monday_before) + call("late-before", FRIDAY - 24 * H), FRIDAY)
    for name in ("met", "met-too"):
        apply(handed_over(name, FRIDAY - H) + call(name, FRIDAY), FRIDAY)
    apply(handed_over("still-running", NOW - H), NOW)
    apply(
        [
            *handed_over("excluded", FRIDAY),
            fact("disposition", FRIDAY + H, lead=person("excluded"), outcome="excluded", reason="test"),
        ],
        FRIDAY + H,
    )
    sweep.run(database, Cache(), NOW)
    agenda = read(database, settings)
    assert seen(agenda) == {
        "no_owner": [("nobody", False, True)],
        "closed_period": [("weekend", True, True)],
        "unexplained": [("late", True, False)],
    }
    assert (agenda.meeting.number, agenda.meeting.start) == (4, datetime(2026, 9, 24, 1, tzinfo=UTC))
    assert (agenda.since, agenda.as_of) == (datetime(2026, 9, 17, 1, tzinfo=UTC), NOW)
    shown = agenda.figures
    # Due in the period: weekend, late, met, met-too and the excluded one.
    assert (shown.met, shown.breached, shown.voided, shown.unknown, shown.withdrawn) == (2, 2, 1, 0, 0)
    # Qualified in the period: weekend, met, met-too, still-running.
    assert (shown.mqls, shown.leads) == (4, 4)


def test_an_entry_names_the_owner_and_links_to_the_handoff(database, settings, series, apply) -> None:
    apply(handed_over("weekend", FRIDAY), FRIDAY)
    sweep.run(database, Cache(), NOW)
    ((entry,),) = [group.entries for group in read(database, settings).groups]
    with database.read() as c:
        handoff = c.execute(select(Handoff.id, Handoff.lead_id)).one()
    assert entry.breach.owner == "田中"
    assert entry.breach.link == f"https://tasuki.example.com/handoffs/{handoff.id}"
    assert entry.breach.lead.id == handoff.lead_id
    assert entry.overdue == NOW - (FRIDAY + 24 * H)


def test_a_follow_up_recorded_late_takes_the_breach_off_the_agenda(database, settings, series, apply) -> None:
    apply(handed_over("weekend", FRIDAY), FRIDAY)
    sweep.run(database, Cache(), FRIDAY + 30 * H)
    before = read(database, settings, FRIDAY + 31 * H)
    assert (before.breaches, before.figures.breached, before.figures.withdrawn) == (1, 1, 0)
    apply(call("weekend", FRIDAY + 2 * H, received_at=FRIDAY + 40 * H), FRIDAY + 40 * H)
    after = read(database, settings)
    assert after.groups == ()
    assert (after.figures.met, after.figures.breached, after.figures.withdrawn) == (1, 0, 1)
    # told once: the meeting after the next looks at another week
    assert read(database, settings, NOW + 48 * H).figures.withdrawn == 0


def test_a_deadline_that_passed_counts_before_the_sweep_says_so(database, settings, series, apply) -> None:
    apply(handed_over("weekend", FRIDAY), FRIDAY)
    agenda = read(database, settings, FRIDAY + 24 * H + timedelta(seconds=5))
    assert (agenda.breaches, agenda.figures.breached) == (1, 1)
    assert read(database, settings, FRIDAY + 24 * H).breaches == 0, "exactly at the deadline there is still time"


def test_a_silent_source_is_not_judged(database, settings, series, apply) -> None:
    apply(handed_over("weekend", FRIDAY), FRIDAY)
    with database.write() as c:
        c.execute(update(Handoff).values(verdict="unknown"))
    agenda = read(database, settings)
    assert (agenda.breaches, agenda.figures.attainment.whole, agenda.figures.unknown) == (0, 0, 1)


def test_many_at_once_are_one_bulk_arrival(database, settings, series, apply) -> None:
    facts = [f for n in range(21) for f in handed_over(f"visitor-{n}", FRIDAY + n * timedelta(seconds=25))]
    apply(facts + handed_over("later", FRIDAY + 2 * H), FRIDAY + 3 * H)
    apply([f for n in range(15) for f in call(f"visitor-{n}", FRIDAY + 3 * H)], FRIDAY + 3 * H)
    sweep.run(database, Cache(), NOW)
    bulk, other = read(database, settings).groups
    # Six of them were missed; those that were followed up still make it a bulk arrival.
    assert (bulk.cause, bulk.count) == (Cause.BULK, 6)
    assert (other.cause, other.count) == (Cause.CLOSED_PERIOD, 1)


def test_automated_mail_alone_and_a_late_assignment(database, settings, series, apply) -> None:
    at = FRIDAY - 4 * H
    mailed = fact("follow_up", at + H, lead=person("mailed"), channel="email", automated=True)
    apply([*handed_over("mailed", at - 24 * H), mailed], at)
    assigned = fact("owner", at - 4 * H, lead=person("assigned"), owner="tanaka", name="田中")
    apply([*handed_over("assigned", at - 24 * H, owner=None), assigned], at)
    sweep.run(database, Cache(), NOW)
    assert seen(read(database, settings)) == {
        "handover_delay": [("assigned", True, True)],
        "only_auto_touch": [("mailed", True, True)],
    }


def test_the_agenda_writes_nothing(database, settings, series, apply) -> None:
    apply(handed_over("weekend", FRIDAY), FRIDAY)
    with database.read() as c:
        before = c.execute(select(Handoff.__table__)).all()
    read(database, settings)
    with database.read() as c:
        assert c.execute(select(Handoff.__table__)).all() == before


def test_a_backlog_is_counted_in_full_and_listed_in_part(database, settings, series) -> None:
    _fill(database, 5_000)
    agenda = read(database, settings)
    assert agenda.breaches == 1_000
    assert sum(len(group.entries) for group in agenda.groups) <= LISTED * len(agenda.groups)
    assert agenda.figures.met + agenda.figures.breached == agenda.figures.attainment.whole > 0


def _fill(database: Database, count: int) -> None:
    """`count` handoffs over a year before NOW, every fifth of them a breach that is still open."""
    step = timedelta(days=360) / count
    with database.write() as c:
        policy_id = c.scalar(select(Handoff.policy_id).limit(1)) or policies.all_versions(c).versions[0].id
        lead = {"name": "佐藤", "company": "山田製作所", "first_seen_at": NOW, "updated_at": NOW, "history": {}}
        c.execute(insert(Lead), [lead | {"id": n} for n in range(1, count + 1)])
        c.execute(insert(Handoff), [_handoff(n, NOW - 26 * H - n * step, policy_id) for n in range(1, count + 1)])


def _handoff(n: int, at: datetime, policy_id: int) -> dict[str, Any]:
    is_open = n % 5 == 0
    verdict = "breached" if is_open else "met"
    episode = {"owner_name": "田中", "assigned_at": at.isoformat(), "automated_touches": 0, "findings": ["x" * 400]}
    return {
        "lead_id": n,
        "number": 1,
        "policy_id": policy_id,
        "episode": episode,
        "qualified_at": at,
        "visible_at": at,
        "due_at": at + 24 * H,
        "owner": "tanaka",
        "touched_at": None if is_open else at + H,
        "verdict": verdict,
        "verdict_at": at,
        "updated_at": at,
    }


# --- series


def test_a_fresh_database_gets_a_weekly_meeting_once(database, settings) -> None:
    with database.write() as c:
        meetings.remove_series(c, "default")
        meetings.ensure_default_series(c, settings, FRIDAY)
        meetings.ensure_default_series(c, settings, NOW)
        (stored,) = meetings.all_series(c)
    assert stored.series == Series(
        name="営業×マーケ連携会議", weekday="thu", time="10:00", first=date(2026, 9, 18), time_zone="Asia/Tokyo"
    )
    assert stored.next_meeting(FRIDAY).start == datetime(2026, 9, 24, 1, tzinfo=UTC)


def test_a_removed_default_series_comes_back_only_when_there_is_none(database, settings, series) -> None:
    with database.write() as c:
        meetings.set_series(c, "monthly", THURSDAYS, "default", NOW)
        meetings.remove_series(c, "default")
        meetings.ensure_default_series(c, settings, NOW)
        assert [stored.key for stored in meetings.all_series(c)] == ["monthly"]


def test_changing_a_series_keeps_its_feed_and_raises_its_sequence(database, series) -> None:
    with database.write() as c:
        secret = meetings.new_feed_secret(c, "default")
        before = meetings.read_series(c)
        changed = series.model_copy(update={"time": "14:00"})
        meetings.set_series(c, "default", changed, "default", NOW)
        after = meetings.series_by_feed_secret(c, secret)
        created_at = c.scalar(select(MeetingSeries.created_at))
    assert after is not None
    assert (after.series, after.has_feed) == (changed, True)
    assert created_at == FRIDAY - timedelta(days=30)
    assert after.sequence > before.sequence > 0


def test_a_new_version_of_the_calendar_moves_meetings_and_raises_the_sequence(database, series) -> None:
    with database.write() as c:
        before = meetings.read_series(c)
        closed = japanese_office().model_copy(update={"company_days": {date(2026, 9, 24): "創立記念日"}})
        policies.apply_calendar(c, closed, by="test", now=NOW)
        after = meetings.read_series(c)
    moved = after.next_meeting(NOW)
    assert (moved.start, moved.moved_because) == (datetime(2026, 9, 25, 1, tzinfo=UTC), "創立記念日")
    assert after.sequence > before.sequence


def test_a_series_on_a_calendar_that_does_not_exist_is_refused(database) -> None:
    with database.write() as c, pytest.raises(NoSuchCalendar):
        meetings.set_series(c, "default", THURSDAYS, "nowhere", NOW)


def test_a_feed_shows_four_meetings_back_and_eight_ahead(database, series) -> None:
    with database.read() as c:
        stored = meetings.read_series(c)
    later = datetime(2026, 11, 30, tzinfo=UTC)
    around = stored.meetings_around(later)
    assert [m.number for m in around] == list(range(10, 22))
    assert [m.end > later for m in around] == [False] * 4 + [True] * 8
    # the series has only begun
    assert [m.number for m in stored.meetings_around(NOW)] == list(range(1, 12))


@pytest.mark.parametrize("action", ["read_series", "remove_series", "new_feed_secret", "revoke_feed"])
def test_an_unknown_series_is_told(database, action: str) -> None:
    with database.write() as c, pytest.raises(meetings.NoSuchSeries):
        getattr(meetings, action)(c, "nope")


# --- feeds


def test_only_the_newest_secret_opens_the_feed(database, series) -> None:
    with database.write() as c:
        assert meetings.read_series(c).has_feed is False
        first = meetings.new_feed_secret(c, "default")
        second = meetings.new_feed_secret(c, "default")
        opened = [meetings.series_by_feed_secret(c, secret) for secret in (first, second, "", "guess")]
        assert [found.key if found else None for found in opened] == [None, "default", None, None]
        meetings.revoke_feed(c, "default")
        assert meetings.series_by_feed_secret(c, second) is None


def test_the_secret_itself_is_not_stored(database, series) -> None:
    with database.write() as c:
        secret = meetings.new_feed_secret(c, "default")
        row = c.execute(select(MeetingSeries.__table__)).one()
    assert len(secret) >= 40
    assert secret not in str(row)
