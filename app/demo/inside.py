"""The demo's weeks inside a running Tasuki: played beside it, brought in at once, and gone without a trace."""

from __future__ import annotations

import logging
import tempfile
import threading
from pathlib import Path

from sqlalchemy import Connection, Table, delete, func, insert, select, text

from app.db import Database
from app.demo import play
from app.demo.play import Standing
from app.flows import meetings, policies, schema
from app.flows.administer import Admin
from app.models import AuditEntry, Base, Heartbeat, OneTimeLink, SignInAttempt, User, UserSession
from app.state import State, secret_keys

log = logging.getLogger("tasuki")
#: Who works here and what they did is nobody's demo.
KEPT = frozenset(
    model.__tablename__ for model in (User, UserSession, OneTimeLink, SignInAttempt, AuditEntry, Heartbeat)
)
#: Rows written at a time.
PORTION = 500
_turn = threading.Lock()
#: Of this process: webhooks sent, and all; empty: none is played.
_progress: dict[int, tuple[int, int]] = {}


class NotEmpty(Exception):
    """There is something of one's own."""


def standing(c: Connection) -> Standing:
    return play.standing_of(c)


def playing(state: State) -> tuple[int, int] | None:
    """Webhooks sent, and all; None: nothing is being played by this process."""
    return _progress.get(id(state))


def bring(state: State, by: str) -> threading.Thread | None:
    """Begin to play; None: it is being played already, or there is something of one's own."""
    with _turn:
        with state.database.read() as c:
            if id(state) in _progress or standing(c) is not Standing.EMPTY:
                return None
        _progress[id(state)] = (0, 1)
    thread = threading.Thread(target=_bring, args=(state, by), name="demo", daemon=True)
    thread.start()
    return thread


def _bring(state: State, by: str) -> None:
    try:
        with tempfile.TemporaryDirectory() as folder:
            _play_and_copy(state, Path(folder), by)
    except Exception:
        state.trouble("The demo's data could not be brought in.")
    finally:
        _progress.pop(id(state), None)


def _play_and_copy(state: State, folder: Path, by: str) -> None:
    url, now = f"sqlite:///{folder / 'demo.db'}", state.clock()
    quiet = {"database_url": type(state.settings.database_url)(url), "data_dir": folder}
    keys = {"secret_key": type(state.settings.secret_key)(secret_keys(state.settings)), "slack_webhooks": {}}
    played = Database(url)
    schema.upgrade(played)
    play.play(state.settings.model_copy(update=quiet | keys), now, lambda *done: _progress.update({id(state): done}))
    try:
        with played.read() as source, state.database.write() as c:
            policies.lock(c)
            if standing(c) is not Standing.EMPTY:
                raise NotEmpty
            _empty(c)
            _copy(source, c)
            Admin(by, state.clock()).did(c, "demo.brought_in", "demo")
    finally:
        played.close()
    state.directory.refresh(state.clock())


def remove(state: State, by: str) -> bool:
    """Everything but users and the audit log is as on the first day. False: what is there is not the demo's alone."""
    now = state.clock()
    with state.database.write() as c:
        policies.lock(c)
        if standing(c) not in (Standing.PLAYED, Standing.BEGUN):
            return False
        _empty(c)
        policies.ensure_defaults(c, now)
        meetings.ensure_default_series(c, state.settings, now)
        Admin(by, now).did(c, "demo.removed", "demo")
    state.directory.refresh(now)
    return True


def _tables() -> list[Table]:
    """Without those that are kept; what others refer to comes first."""
    return [table for table in Base.metadata.sorted_tables if table.name not in KEPT]


def _empty(c: Connection) -> None:
    for table in reversed(_tables()):
        c.execute(delete(table))


def _copy(source: Connection, c: Connection) -> None:
    for table in _tables():
        found = source.execution_options(yield_per=PORTION).execute(select(table)).mappings()
        for portion in found.partitions(PORTION):
            c.execute(insert(table), [dict(row) for row in portion])
        if c.dialect.name == "postgresql":
            _count_on(c, table)


def _count_on(c: Connection, table: Table) -> None:
    """PostgreSQL's sequences do not see numbers that were written."""
    for column in table.primary_key.columns:
        sequence = c.scalar(select(func.pg_get_serial_sequence(table.name, column.name)))
        if sequence and (highest := c.scalar(select(func.max(column)))):
            c.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})
