"""Templates in versions, the series that are held by them, and series that are agreed on beside others."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from importlib import import_module
from typing import Any

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import select, update

from app.db import Database
from app.domain.refusals import Refused, validated
from app.domain.series import Series
from app.domain.template import Block, Template, built_in
from app.flows import administer, meetings, templates
from app.flows.administer import Admin
from app.flows.templates import NoSuchTemplate
from app.models import AuditEntry, MeetingSeries
from tests.conftest import FRIDAY

ADMIN = Admin("ops", FRIDAY)
LATER = Admin("ito", FRIDAY + timedelta(days=7))
SATO = {"name": "佐藤", "email": "sato@example.jp", "role": "marketing_lead"}


def own(*boxes: tuple[str, int], minutes: int = 60) -> Template:
    items = [{"block": block, "minutes": box} for block, box in boxes]
    return validated(Template, {"name": "自社", "minutes": minutes, "items": items})


SHORT, OTHER = own(("conversion", 55), ("decisions", 5)), own(("conversion", 50), ("decisions", 10))
LONG = own(("conversion", 60), ("sla_review", 25), ("decisions", 5), minutes=90)


def series(**changes: Any) -> Series:
    written = {"name": "東日本会議", "weekday": "thu", "time": "10:00", "first": "2026-09-24"}
    return validated(Series, written | changes)


def agree(database: Database, key: str, agreed: Series, admin: Admin = ADMIN) -> None:
    with database.write() as c:
        administer.set_series(c, admin, key, agreed, "default")


def save(database: Database, key: str, template: Template, admin: Admin = ADMIN) -> int:
    with database.write() as c:
        return templates.save(c, admin, key, template)


def refusals(why: pytest.ExceptionInfo[Refused]) -> list[tuple[str, str]]:
    return [(refusal.place, refusal.code) for refusal in why.value.refusals]


def test_an_edit_is_a_new_version_and_the_old_one_stays(database: Database) -> None:
    assert [save(database, "own", each, by) for each, by in ((SHORT, ADMIN), (SHORT, LATER), (OTHER, LATER))] == [
        1,
        1,
        2,
    ]
    save(database, "another", LONG)
    with database.read() as c:
        assert [(each.version, each.template, each.by) for each in templates.versions(c, "own")] == [
            (2, OTHER, "ito"),
            (1, SHORT, "ops"),
        ]
        assert templates.newest(c, "own").version == 2
        assert [(each.key, each.version) for each in templates.all_templates(c)] == [("another", 1), ("own", 2)]
        with pytest.raises(NoSuchTemplate):
            templates.newest(c, "none")
        log = c.execute(select(AuditEntry.__table__).order_by(AuditEntry.id)).all()
    assert [(entry.by, entry.action, entry.subject) for entry in log] == [
        ("ops", "agenda_template.set", "agenda_template:own"),
        ("ito", "agenda_template.set", "agenda_template:own"),
        ("ops", "agenda_template.set", "agenda_template:another"),
    ]
    assert log[0].before is None
    assert log[1].before == log[0].after != log[1].after


def test_what_a_meeting_is_held_by(database: Database) -> None:
    save(database, "own", SHORT)
    agree(database, "east", series(template="own"))
    agree(database, "west", series(minutes=90))
    save(database, "own", OTHER)
    with database.read() as c:
        east, west = meetings.read_series(c, "east"), meetings.read_series(c, "west")
        assert templates.template_for(c, east, 3) == (2, OTHER)
        assert templates.template_for(c, west, 3) == (0, built_in(90))
        for stored, version in ((east, 2), (west, 0)):
            number, fourth = templates.template_for(c, stored, 4)
            assert (number, [item.block for item in fourth.items][-2:]) == (
                version,
                [Block.RETROSPECTIVE, Block.DECISIONS],
            )
            assert sum(item.minutes for item in fourth.items) == stored.series.minutes
        assert [each.key for each in templates.users(c, "own")] == ["east"]


def test_series_and_template_have_one_length(database: Database) -> None:
    save(database, "own", SHORT)
    for changes, code in (({"template": "none"}, "unknown_template"), ({"minutes": 90}, "another_length")):
        with pytest.raises(Refused) as why:
            agree(database, "east", series(**{"template": "own"} | changes))
        assert refusals(why) == [("/template", code)]
    agree(database, "east", series(template="own"))
    with pytest.raises(Refused) as why:
        save(database, "own", LONG)
    assert refusals(why) == [("/minutes", "in_use")]
    save(database, "long", LONG)
    agree(database, "east", series(template="long", minutes=90))
    assert save(database, "own", LONG) == 2


@pytest.mark.parametrize("key", ["", "Own", "a b", "x" * 65, "é", "a\n"])
def test_a_key_that_no_address_can_have_is_refused(database: Database, key: str) -> None:
    with pytest.raises(Refused) as why:
        save(database, key, SHORT)
    assert refusals(why) == [("/key", "string_pattern_mismatch")]


def test_who_is_in_another_series_at_that_time_is_named(database: Database) -> None:
    agree(database, "east", series(attendees=[SATO], room="会議室A"))
    mine = series(name="西日本会議", attendees=[SATO], room="会議室A")
    with pytest.raises(Refused) as why:
        agree(database, "west", mine)
    assert refusals(why) == [("/attendees/0/email", "person_taken"), ("/room", "room_taken")]
    assert "東日本会議" in why.value.refusals[0].message_en
    agree(database, "west", mine.model_copy(update={"time": "11:00"}))
    agree(database, "west", mine.model_copy(update={"time": "11:30"}))  # not with itself
    with pytest.raises(Refused) as why:
        agree(database, "east", series(attendees=[SATO], time="11:00"))
    assert refusals(why) == [("/attendees/0/email", "person_taken")]


def test_two_who_take_the_room_at_once_do_not_both_get_it(database: Database) -> None:
    def take(key: str) -> bool:
        try:
            agree(database, key, series(name=key, room="会議室A"))
        except Refused:
            return False
        return True

    for attempt in range(5):
        names = [f"{attempt}{letter}" for letter in "abcd"]
        with ThreadPoolExecutor(4) as pool:
            assert sorted(pool.map(take, names)) == [False, False, False, True]
        with database.write() as c:
            for stored in meetings.all_series(c):
                if stored.series.room:
                    meetings.remove_series(c, stored.key)


def test_a_series_that_began_can_be_changed_and_none_begins_in_the_past(database: Database) -> None:
    agree(database, "east", series(first="2026-09-18"))
    agree(database, "east", series(first="2026-09-18", time="14:00"), LATER)
    with pytest.raises(Refused) as why:
        agree(database, "west", series(first="2026-09-18"), LATER)
    assert refusals(why) == [("/first", "in_the_past")]
    with database.read() as c:
        assert (meetings.read_series(c, "east").series.first, len(meetings.all_series(c))) == (date(2026, 9, 18), 2)


@pytest.mark.parametrize(("stored", "expected"), [(60, 60), (61, 75), (75, 75), (80, 90), (90, 90), (None, 60)])
def test_lengths_of_older_releases_become_the_next_with_a_template(
    database: Database, stored: int | None, expected: int
) -> None:
    migration = import_module("migrations.versions.20261130_agenda_templates")
    document = {
        "name": "会議",
        "weekday": "thu",
        "time": "10:00",
        "first": "2026-09-03",
        "changed_at": FRIDAY.isoformat(),
    }
    document |= {"minutes": stored} if stored else {}
    with database.write() as c:
        c.execute(update(MeetingSeries).values(document=document))
        with Operations.context(MigrationContext.configure(c)):
            migration.downgrade()
            migration.upgrade()
        found = meetings.read_series(c)
    assert (found.series.minutes, found.series.name) == (expected, "会議")
