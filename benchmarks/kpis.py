"""The whole KPI board over 100,000 leads, each with a handoff, and 2,000,000 events of two years; and how fast the
funnel is read from the ledger.

Run: `python -m benchmarks.kpis`. Takes some minutes and two gigabytes in the temporary folder; ends by itself.
Cold: the first board over a connection that was opened for it. Warm: the median of the next ones. Goal: 2 s, 200 ms.
"""

from __future__ import annotations

import os
import platform
import random
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text, update

from app.db import Database
from app.domain.funnel import NO_HANDOFF
from app.domain.kpi import Definition
from app.flows import funnel, kpis, policies, schema
from app.flows.cases import Asked
from app.models import Handoff, Lead, Opportunity, Progress
from benchmarks.intake import postgres
from benchmarks.sweep import episode

LEADS = int(os.environ.get("BENCH_LEADS", "100000"))
EVENTS_A_LEAD, ROUNDS = int(os.environ.get("BENCH_EVENTS", "20")), 7
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = datetime(2024, 10, 1, tzinfo=UTC)
NOW = START + 730 * DAY
#: Rows an insert.
AT_ONCE = 5000
#: Leads whose funnel is read from the ledger.
READ = min(LEADS, 2000)


def fill(database: Database) -> None:
    schema.upgrade(database)
    chance = random.Random(7)
    with database.write() as c:
        policies.ensure_defaults(c, START - DAY)
        known = policies.all_versions(c)
    (version,), document = known.versions, episode(known)
    for first in range(1, LEADS + 1, AT_ONCE):
        made = [_lead(chance, number, version.id, document) for number in range(first, min(first + AT_ONCE, LEADS + 1))]
        with database.write() as c:
            for place, table in enumerate((Lead, Handoff, Progress, Opportunity)):
                if rows := [row for one in made for row in one[place]]:
                    c.execute(insert(table), rows)
    with database.write() as c:
        c.execute(text(EVENTS_SQLITE if database.is_sqlite else EVENTS_POSTGRES), {"n": EVENTS_A_LEAD})
    with database.engine.connect() as c:
        c.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")


Rows = list[dict[str, Any]]


def _lead(
    chance: random.Random, number: int, policy_id: int, document: dict[str, Any]
) -> tuple[Rows, Rows, Rows, Rows]:
    seen = START + timedelta(seconds=chance.randrange(int(timedelta(days=720).total_seconds())))
    qualified = seen + chance.random() * 6 * DAY
    touched = qualified + chance.choice([2, 9, 20, 90]) * chance.random() * HOUR if chance.random() < 0.8 else None
    sql = qualified + chance.random() * 50 * DAY if chance.random() < 0.3 else None
    opened = sql + chance.random() * 20 * DAY if sql and chance.random() < 0.7 else None
    closed = opened + chance.random() * 150 * DAY if opened and chance.random() < 0.8 else None
    touched, sql, opened, closed = (at if at and at < NOW else None for at in (touched, sql, opened, closed))
    lead = {
        "id": number, "name": f"人{number}", "company": f"会社{number % 9000}", "history": {}, "first_seen_at": seen,
        "updated_at": seen, "source": chance.choice(["展示会", "Web", "広告", "ウェビナー", None]), "funnel_due": False,
    }  # fmt: skip
    due = qualified + DAY
    verdict = "met" if touched and touched <= due else "met_late" if touched else "breached"
    handoff = {
        "lead_id": number, "number": 1, "duty": "follow_up", "policy_id": policy_id, "episode": document,
        "qualified_at": qualified, "visible_at": qualified, "due_at": due, "owner": f"rep-{number % 40}",
        "touched_at": touched, "verdict": verdict, "verdict_at": due, "updated_at": due,
    }  # fmt: skip
    wait = None if touched is None else funnel.seconds(touched - qualified)
    progress = {
        "lead_id": number, "number": 1, "standing": "counted", "qualified_at": qualified, "due_at": due,
        "touched_at": touched, "policy_id": policy_id, "sql_at": sql, "opened_at": opened, "touched_after": wait,
        "accepted_at": touched if number % 3 else None, "rejected_at": None if number % 11 else due,
        "logged_after": None if wait is None else number % 20000, "content": f"wp-{number % 30}",
    }  # fmt: skip
    deal = {
        "lead_id": number, "key": f"006-{number}", "number": 1 if number % 9 else NO_HANDOFF, "counts": True,
        "opened_at": opened, "closed_at": closed,
        "state": "open" if closed is None else "won" if number % 3 else "lost",
    }  # fmt: skip
    return [lead], [handoff], [progress], [deal] if opened else []


EVENTS_SQLITE = """
WITH RECURSIVE nth(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM nth WHERE n < :n)
INSERT INTO events (id, lead_id, kind, occurred_at, received_at, about, data)
SELECT printf('%08d-%02d', leads.id, n), leads.id, CASE n WHEN 1 THEN 'disposition' ELSE 'activity' END,
       first_seen_at + n * 3600000000, first_seen_at + n * 3600000000, '[]',
       CASE n WHEN 1 THEN '{"outcome":"accepted"}' ELSE '{"activity":"visit","asset":"/products"}' END
FROM leads, nth
"""
EVENTS_POSTGRES = """
INSERT INTO events (id, lead_id, kind, occurred_at, received_at, about, data)
SELECT lpad(leads.id::text, 8, '0') || '-' || n, leads.id, CASE n WHEN 1 THEN 'disposition' ELSE 'activity' END,
       first_seen_at + n * interval '1 hour', first_seen_at + n * interval '1 hour', '[]',
       (CASE n WHEN 1 THEN '{"outcome":"accepted"}' ELSE '{"activity":"visit","asset":"/products"}' END)::jsonb
FROM leads, generate_series(1, :n) AS n
"""


def measure(name: str, url: str) -> None:
    database = Database(url)
    fill(database)
    database.close()
    for days in (91, 365):
        _board(name, url, days)
    database = Database(url)
    _read(name, database)
    database.close()


def _board(name: str, url: str, days: int) -> None:
    database, taken = Database(url), []
    asked = Asked(NOW - days * DAY, NOW, NOW, Definition())
    rows = 0
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        with database.read() as c:
            rows = sum(sum(figure.states.values()) for figure in kpis.board(c, policies.all_versions(c), asked))
        taken.append(time.perf_counter() - began)
    database.close()
    print(
        f"{name}: board of {days} days over {rows:,} rows: cold {taken[0] * 1000:.0f} ms, "
        f"warm {statistics.median(taken[1:]) * 1000:.0f} ms (to {max(taken[1:]) * 1000:.0f})",
        flush=True,
    )


def _read(name: str, database: Database) -> None:
    with database.write() as c:
        c.execute(update(Lead).where(Lead.id <= READ).values(funnel_due=True))
    began = time.perf_counter()
    while funnel.catch_up(database):
        pass
    print(f"{name}: funnel of {READ / (time.perf_counter() - began):,.0f} leads a second", flush=True)


def main() -> None:
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{LEADS:,} leads, {LEADS * EVENTS_A_LEAD:,} events")
    with tempfile.TemporaryDirectory() as folder:
        measure("SQLite", f"sqlite:///{folder}/kpis.db")
        with postgres(Path(folder)) as url:
            measure("PostgreSQL", url)


if __name__ == "__main__":
    main()
