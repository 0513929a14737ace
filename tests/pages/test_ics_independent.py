"""The calendar feed as another library reads it: not the one that writes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from ical.calendar import Calendar
from ical.calendar_stream import IcsCalendarStream
from sqlalchemy import update
from starlette.testclient import TestClient

from app.domain.action import Promise
from app.domain.series import Series
from app.flows import actions, meetings
from app.flows.actions import Origin, Person
from app.models import MeetingSeries
from app.state import State
from tests.conftest import FRIDAY, Clock

TODAY = date(2026, 9, 18)
SERIES = Series(
    name="営業×マーケ; 連携, 会議", weekday="thu", time="10:00", minutes=75, first=date(2026, 9, 3), room="会議室A, 3階"
)


@pytest.fixture
def feed(state: State, client: TestClient, clock: Clock) -> Callable[..., Calendar]:
    clock.now = FRIDAY
    with state.database.write() as c:
        meetings.set_series(c, meetings.DEFAULT, SERIES, "default", FRIDAY)
        secret = meetings.new_feed_secret(c, meetings.DEFAULT)

    def read(**query: Any) -> Calendar:
        answer = client.get(f"/feeds/{secret}.ics", params=query)
        assert answer.status_code == 200, answer.text
        return IcsCalendarStream.calendar_from_ics(answer.text)

    return read


@pytest.fixture
def promise(state: State, clock: Clock) -> Callable[..., int]:
    def add(due_on: date) -> int:
        person = Person("伊藤", clock(), TODAY)
        told = Promise("田中 舞", due_on, "山田製作所 佐藤様に電話する", "つながった")
        with state.database.write() as c:
            return int(actions.add(c, person, told, Origin(meetings.DEFAULT)).id)

    return add


def test_meetings_are_where_and_when_they_are_held(feed) -> None:
    events = feed().events
    assert [event.uid for event in events][:2] == ["default-1@meetings.tasuki", "default-2@meetings.tasuki"]
    (next_one,) = [event for event in events if event.uid == "default-4@meetings.tasuki"]
    assert next_one.start.astimezone(UTC) == datetime(2026, 9, 24, 1, tzinfo=UTC)
    assert next_one.end - next_one.start == timedelta(minutes=75)
    assert (next_one.summary, next_one.location) == ("営業×マーケ; 連携, 会議 #4", "会議室A, 3階")
    told = next_one.description.splitlines()
    assert told[0] == "1. 前回会議のアクションアイテムの確認(10分)"
    assert len([line for line in told if line.endswith("分)")]) == 10  # the fourth meeting looks back
    assert told[-1].startswith("https://tasuki.example.com/")
    assert {event.dtstamp for event in events} == {FRIDAY}


def test_ids_stay_and_the_sequence_grows_when_a_meeting_moves(feed, state, clock) -> None:
    before = {event.uid: event for event in feed().events}
    clock.now = FRIDAY + timedelta(hours=1)
    with state.database.write() as c:
        later = SERIES.model_copy(update={"time": "15:00"})
        meetings.set_series(c, meetings.DEFAULT, later, "default", clock.now)
    after = {event.uid: event for event in feed().events}
    assert set(after) == set(before)
    assert all(after[uid].sequence > before[uid].sequence for uid in after)
    assert all(after[uid].start - before[uid].start == timedelta(hours=5) for uid in after)


def test_due_dates_are_shown_on_request_without_their_words(feed, promise, state, clock) -> None:
    number = promise(date(2026, 10, 2))
    assert not [event for event in feed().events if "actions" in event.uid]
    (due,) = [event for event in feed(due_dates="true").events if "actions" in event.uid]
    assert (due.uid, due.summary) == (f"{number}@actions.tasuki", f"アクション #{number} の期限(田中 舞)")
    assert (due.dtstart, due.dtend) == (date(2026, 10, 2), date(2026, 10, 3))
    assert "佐藤" not in str(due)
    with state.database.write() as c:
        actions.carry(c, Person("伊藤", clock(), TODAY), number, "出張", date(2026, 10, 9))
    (moved,) = [event for event in feed(due_dates="true").events if "actions" in event.uid]
    assert (moved.uid, moved.dtstart) == (due.uid, date(2026, 10, 9))
    assert moved.sequence > due.sequence


def test_a_series_without_a_room_is_nowhere(feed, state) -> None:
    with state.database.write() as c:
        document = SERIES.model_copy(update={"room": ""}).model_dump(mode="json") | {"changed_at": FRIDAY.isoformat()}
        c.execute(update(MeetingSeries).values(document=document))
    assert {event.location for event in feed().events} == {None}
