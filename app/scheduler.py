"""What happens by itself: the ledger, the sweep, the alerts. Every job is safe to run anywhere and twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.policy import BEGINNING
from app.flows import (
    alerts,
    backfill,
    bursts,
    confirm,
    criteria,
    errands,
    feeds,
    funnel,
    outcome_digests,
    preparation,
    reconcile,
    sweep,
)
from app.flows.ledger import BATCH
from app.models import Heartbeat
from app.pages import papers
from app.state import State, http_client

#: A job that has not ended well for this long is a red line in `tasuki doctor` and in /health/ready.
LATE = timedelta(minutes=3)
#: A job that goes well says so this often.
BEAT_EVERY = timedelta(seconds=20)
#: Seconds after which a job that asks tools page by page lets its next turn go on.
LONGEST_TURN = 30.0


class Scheduler:
    """Runs the jobs of one process until it is stopped."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stopping = threading.Event()
        self._beaten: dict[str, datetime] = {}
        self._ledger = threading.Thread(target=self._work_off, name="ledger", daemon=True)
        self._impatient = http_client(timeout=confirm.PATIENCE)
        self._clock = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30}
        )
        for name, job, seconds in self._jobs():
            self._clock.add_job(self._run, "interval", (name, job), seconds=seconds, id=name)

    def _jobs(self) -> list[tuple[str, Callable[[], object], float]]:
        state = self._state
        return [
            ("feeds", self._watch, 30),
            ("sweep", lambda: sweep.run(state.database, state.versions, state.clock()), state.settings.sweep_every),
            ("alerts", self._alert, 5),
            ("questions", self._ask_tools, 5),
            ("poll", lambda: self._page_by_page(reconcile.poll_due), 15),
            ("recheck", lambda: self._page_by_page(errands.recheck_due), 60),
            ("subscribe", self._subscribe, 60),
            ("backfill", lambda: self._page_by_page(backfill.turn), 5),
            ("confirm", self._confirm, 5),
            ("funnel", self._funnel, 5),
            ("criteria", lambda: criteria.turn(state.database, state.versions, state.settings, state.clock()), 300),
            ("meetings", self._prepare_meetings, 60),
            ("bursts", lambda: bursts.watch(state.database, state.versions, state.settings, state.clock()), 20),
            ("outcomes", self._tell_outcomes, 60),
        ]

    def _watch(self) -> None:
        feeds.watch(self._state.database, self._state.settings, self._state.clock())

    def _prepare_meetings(self) -> None:
        state = self._state
        preparation.turn(state.database, state.settings, papers, state.clock())

    def _alert(self) -> None:
        state = self._state
        while not self._stopping.is_set():
            if not alerts.send_owed(state.database, state.versions, state.channels, state.settings, state.clock()):
                return

    def _tell_outcomes(self) -> None:
        state = self._state
        outcome_digests.owe(state.database, state.versions, state.settings, state.clock())

    def _ask_tools(self) -> None:
        while not self._stopping.is_set() and self._state.ledger.ask(self._state.clock()):
            pass

    def _page_by_page(self, ask: Callable[..., bool]) -> None:
        """One page after the other, for a while: the job's beat must come in time."""
        state, deadline = self._state, time.monotonic() + LONGEST_TURN
        while not self._stopping.is_set() and time.monotonic() < deadline:
            if not ask(state.database, state.directory, state.http, state.clock(), state.stored):
                return

    def _subscribe(self) -> None:
        state = self._state
        while not self._stopping.is_set():
            url = state.settings.public_url
            if not errands.subscribe_due(state.database, state.directory, state.http, state.clock(), url):
                return

    def _confirm(self) -> None:
        state = self._state
        confirm.run(state.database, state.directory, state.versions, self._impatient, state.clock())

    def _funnel(self) -> None:
        deadline = time.monotonic() + LONGEST_TURN
        while not self._stopping.is_set() and time.monotonic() < deadline:
            if not funnel.catch_up(self._state.database):
                return

    def start(self) -> None:
        self._run("feeds", self._watch)  # what was silent while we were down is known before anybody is judged
        self._ledger.start()
        self._clock.start()

    def stop(self) -> None:
        self._stopping.set()
        self._state.stored.set()
        self._ledger.join(timeout=30)
        self._clock.shutdown(wait=True)
        self._impatient.close()

    def _work_off(self) -> None:
        """The ledger's own thread: at once when something was stored, and every two seconds anyway."""
        while not self._stopping.is_set():
            self._state.stored.wait(timeout=2)
            self._state.stored.clear()
            self._stand_back()
            self._run("ledger", self._drain_all)

    def _stand_back(self) -> None:
        """While webhooks pour in, answering them comes first."""
        deadline = time.monotonic() + self._state.settings.ledger_patience
        while self._state.intake.busy and time.monotonic() < deadline and not self._stopping.is_set():
            time.sleep(0.05)

    def _drain_all(self) -> None:
        while not self._stopping.is_set() and self._state.ledger.drain(self._state.clock()) == BATCH:
            self._stand_back()

    def _run(self, name: str, job: Callable[[], object]) -> None:
        """One job's turn; what it raises is written down and does not stop the next turn."""
        error: str | None = None
        try:
            job()
        except Exception as failed:
            error = f"{type(failed).__name__}: {failed}"[:500]
            self._state.trouble(f"job {name} failed and will be tried again")
        self._beat(name, error)

    def _beat(self, name: str, error: str | None) -> None:
        now = self._state.clock()
        if error is None and now - self._beaten.get(name, BEGINNING) < BEAT_EVERY:
            return
        self._beaten[name] = now
        dialect = sqlite if self._state.database.is_sqlite else postgresql
        row = {"job": name, "beat_at": now, "error": error}
        change = {"error": error} if error else {"beat_at": now, "error": None}
        statement = dialect.insert(Heartbeat).values(row).on_conflict_do_update(index_elements=["job"], set_=change)
        try:
            with self._state.database.write() as c:
                c.execute(statement)
        except Exception:  # the database is down; the job's own line in the log has said so
            return
