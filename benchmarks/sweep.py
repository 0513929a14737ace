"""The sweep over a million open handoffs: nothing due, ten thousand due at once, eight sweepers at once.

Run: `python -m benchmarks.sweep`. Takes some minutes and two gigabytes in the temporary folder; ends by itself.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, insert, select

from app.db import Database
from app.domain.agreement import Duty
from app.domain.history import Event, episode_as_json, read_history
from app.domain.policy import Policies
from app.flows import policies, schema, sweep
from app.models import Alert, Handoff, Lead, VerdictChange
from app.models.columns import to_micros
from benchmarks.intake import postgres
from connectors.contract import EventKind

OPEN = int(os.environ.get("BENCH_HANDOFFS", "1000000"))
DUE, ROUNDS, SWEEPERS = OPEN // 100, 3, 8
LEADS = max(1, OPEN // 10)
START = datetime(2026, 9, 1, tzinfo=UTC)
#: The first group falls due here, the next ones an hour apart; everything else much later.
FIRST_DUE, MUCH_LATER = START + timedelta(days=2), START + timedelta(days=60)
COLUMNS = (
    "lead_id, number, duty, policy_id, episode, qualified_at, visible_at, due_at, warn_at, owner, verdict, verdict_at,"
    " check_again_at, updated_at"
)


def fill(database: Database) -> None:
    schema.upgrade(database)
    with database.write() as c:
        policies.ensure_defaults(c, START - timedelta(days=1))
        known = policies.all_versions(c)
        leads = [{"id": n, "first_seen_at": START, "updated_at": START, "history": {}} for n in range(1, LEADS + 1)]
        c.execute(insert(Lead), leads)
        (_fill_sqlite if database.is_sqlite else _fill_postgres)(c, rows(known))
    with database.engine.connect() as c:
        c.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE handoffs")


def rows(known: Policies) -> Iterator[tuple[Any, ...]]:
    """Open handoffs with real episodes, warned already. The first groups of DUE fall due one after another."""
    (version,) = known.versions
    template = json.dumps(episode(known), ensure_ascii=False)
    for n in range(OPEN):
        group = n // DUE
        due = FIRST_DUE + timedelta(hours=group) if group < 2 * ROUNDS else MUCH_LATER + timedelta(seconds=n)
        document = template.replace("0123456789abcdef", f"{n:016x}")
        lead, number = n % LEADS + 1, n // LEADS + 1
        warned = due - timedelta(hours=6)
        yield (
            lead,
            number,
            Duty.FOLLOW_UP.value,
            version.id,
            document,
            START,
            START,
            due,
            warned,
            f"rep-{n % 40}",
            "at_risk",
            warned,
            due,
            START,
        )


def episode(known: Policies) -> dict[str, Any]:
    """What the history makes of three downloads, an owner and a score."""
    downloads = [
        Event(
            f"0123456789abcdef{n:016x}",
            EventKind.ACTIVITY,
            START - timedelta(hours=n),
            START,
            {"activity": "download", "asset": f"wp-{n}", "title": "導入事例集"},
        )
        for n in (1, 2, 3)
    ]
    owner: dict[str, Any] = {"owner": "rep-1", "name": "田中 一郎", "email": "tanaka@example.com"}
    said: list[tuple[EventKind, dict[str, Any]]] = [(EventKind.OWNER, owner), (EventKind.SCORE, {"score": 86})]
    rest = [Event(f"0123456789abcdef{n:016x}", kind, START, START, data) for n, (kind, data) in enumerate(said, 4)]
    return episode_as_json(read_history([*downloads, *rest], known).episodes[0])


def _fill_sqlite(c: Connection, wanted: Iterator[tuple[Any, ...]]) -> None:
    marks = ", ".join("?" * len(COLUMNS.split(",")))
    stored = (tuple(to_micros(v) if isinstance(v, datetime) else v for v in row) for row in wanted)
    connection: Any = c.connection.driver_connection
    connection.executemany(f"INSERT INTO handoffs ({COLUMNS}) VALUES ({marks})", stored)


def _fill_postgres(c: Connection, wanted: Iterator[tuple[Any, ...]]) -> None:
    connection: Any = c.connection.driver_connection
    with connection.cursor() as cursor, cursor.copy(f"COPY handoffs ({COLUMNS}) FROM STDIN") as copy:
        for row in wanted:
            copy.write_row(row)


def timed(database: Database, cache: policies.Cache, now: datetime) -> tuple[float, int]:
    began = time.perf_counter()
    looked_at = sweep.run(database, cache, now)
    return time.perf_counter() - began, looked_at


def nothing_due(database: Database, cache: policies.Cache) -> None:
    measured = [timed(database, cache, FIRST_DUE - timedelta(hours=1)) for _ in range(300)]
    assert not any(looked_at for _, looked_at in measured)
    print(f"  nothing due: {spread(measured)}")


def spread(measured: list[tuple[float, int]]) -> str:
    taken = [seconds * 1000 for seconds, _ in measured]
    slowest = sorted(taken)[len(taken) * 99 // 100]
    return f"median {statistics.median(taken):.2f} ms, 99 of 100 under {slowest:.2f} ms, the first {taken[0]:.1f} ms"


def all_due(database: Database, cache: policies.Cache) -> None:
    taken = []
    for number in range(ROUNDS):
        seconds, looked_at = timed(database, cache, moment(number))
        assert looked_at == DUE
        check_flagged(database, number)
        taken.append(seconds)
    rounds = [round(seconds, 2) for seconds in taken]
    print(f"  {DUE} due at once, one sweeper: median {statistics.median(taken):.2f} s, rounds {rounds}")


def many_sweepers(url: str, database: Database) -> None:
    taken: list[float] = []
    shares: list[int] = []
    with ProcessPoolExecutor(SWEEPERS, get_context("spawn")) as pool:
        list(pool.map(_sweep_elsewhere, [(url, FIRST_DUE - timedelta(hours=1))] * SWEEPERS))  # imports and connections
        for number in range(ROUNDS, 2 * ROUNDS):
            began = time.perf_counter()
            shares = list(pool.map(_sweep_elsewhere, [(url, moment(number))] * SWEEPERS))
            taken.append(time.perf_counter() - began)
            assert sum(shares) == DUE
            check_flagged(database, number)
    print(
        f"  {DUE} due at once, {SWEEPERS} sweepers: median {statistics.median(taken):.2f} s, each once; shares {shares}"
    )


def _sweep_elsewhere(work: tuple[str, datetime]) -> int:
    url, now = work
    database = Database(url)
    try:
        return sweep.run(database, policies.Cache(), now)
    finally:
        database.close()


def moment(number: int) -> datetime:
    return FIRST_DUE + timedelta(hours=number, seconds=1)


def check_flagged(database: Database, number: int) -> None:
    """Every handoff of the group is breached, said so once and owes each alert once."""
    group = select(Handoff.id).where(Handoff.due_at == FIRST_DUE + timedelta(hours=number))
    with database.read() as c:
        verdicts = c.execute(select(Handoff.verdict, Handoff.check_again_at).where(Handoff.id.in_(group))).all()
        changes = c.execute(select(VerdictChange.handoff_id).where(VerdictChange.handoff_id.in_(group))).scalars()
        alerts = c.scalar(select(func.count()).select_from(Alert).where(Alert.handoff_id.in_(group)))
        assert Counter(verdicts) == {("breached", None): DUE}
        assert Counter(Counter(changes).values()) == {1: DUE}
        assert alerts == 2 * DUE


def run(name: str, url: str) -> None:
    database, cache = Database(url), policies.Cache()
    began = time.perf_counter()
    fill(database)
    print(f"\n{name}: {OPEN} open handoffs, filled in {time.perf_counter() - began:.0f} s")
    nothing_due(database, cache)
    all_due(database, cache)
    if not database.is_sqlite:
        many_sweepers(url, database)
    nothing_due_after(database, cache)
    database.close()


def nothing_due_after(database: Database, cache: policies.Cache) -> None:
    """The index still holds what was just settled."""
    last = moment((1 if database.is_sqlite else 2) * ROUNDS - 1)
    print(f"  nothing due again: {spread([timed(database, cache, last) for _ in range(300)])}")


def main() -> None:
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {ROUNDS} rounds")
    with tempfile.TemporaryDirectory() as folder, postgres(Path(folder)) as postgres_url:
        for name, url in {"SQLite": f"sqlite:///{folder}/bench.db", "PostgreSQL": postgres_url}.items():
            run(name, url)


if __name__ == "__main__":
    main()
