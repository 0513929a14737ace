"""A database of the first release: what it holds is worth the same after the upgrade."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, Table, column, func, insert, select, table, text

from app.db import Database
from app.flows import rebuild, schema
from app.models import Alert, Base, Handoff, LeadIdentity
from tests.clock.conftest import world as world
from tests.clock.world import World

FIRST = "20261123_first_tables"


@pytest.fixture
def first_release(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    """Of the same kind as the world's database, without a row."""
    on_file = world.state.database.is_sqlite
    opened = Database(f"sqlite:///{tmp_path}/first.db" if on_file else request.getfixturevalue("new_postgres_database"))
    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    with opened.write() as c:
        config.attributes["connection"] = c
        command.upgrade(config, FIRST)
    yield opened
    opened.close()


def week(world: World) -> None:
    """One who was called in time, one who was not, one who waits."""
    world.mql("sato", "2026-06-08 10:00")
    world.mql("ito", "2026-06-08 11:00")
    world.at("2026-06-08 15:00")
    world.call("sato")
    world.at("2026-06-10 09:00")
    world.mql("kimura", "2026-06-10 09:30")
    assert [world.verdict(lead) for lead in ("sato", "ito", "kimura")] == ["met", "breached", "on_track"]


def carried_back(world: World, old: Database) -> dict[str, int]:
    """The world's rows as the first release kept them; how many there are, table by table."""
    known = MetaData()
    with old.read() as c:
        known.reflect(c)
    written = {}
    for made in Base.metadata.sorted_tables:
        if (before := known.tables.get(made.name)) is not None:
            written[made.name] = _copied(world.state.database, old, made, before)
    return written


def _copied(now: Database, old: Database, made: Table, before: Table) -> int:
    names = [each.name for each in before.columns if each.name in made.c]
    with now.read() as c:
        rows = [dict(row) for row in c.execute(select(*(made.c[name] for name in names))).mappings()]
    if rows:
        with old.write() as c:
            c.execute(insert(table(made.name, *(column(name, made.c[name].type) for name in names))), rows)
    return len(rows)


def test_what_the_first_release_wrote_is_worth_the_same(world: World, first_release: Database) -> None:
    week(world)
    written = carried_back(world, first_release)
    assert {name for name, rows in written.items() if rows} >= {
        "sources", "leads", "identities", "events", "deliveries", "policies", "calendars", "handoffs", "alerts",
        "verdict_changes", "tokens", "meeting_series",
    }  # fmt: skip
    schema.upgrade(first_release)
    with first_release.read() as c:
        assert schema.is_current(c)
        counted = {name: c.scalar(select(func.count()).select_from(text(name))) for name in written}
        assert counted == written
        assert c.execute(select(LeadIdentity).where(LeadIdentity.home_id != LeadIdentity.lead_id)).all() == []
        assert set(c.scalars(select(Handoff.duty))) == {"follow_up"}
        assert all(said == f"handoff:{of}" for said, of in c.execute(select(Alert.subject, Alert.handoff_id)))
    assert rebuild.check(first_release, world.clock()) == []
