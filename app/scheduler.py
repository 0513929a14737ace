"""What happens by itself: the ledger, the sweep, the alerts. Every job is safe to run anywhere and twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.dialects import postgresql, sqlite

from app.domain.policy import BEGINNING
from app.flows import alerts, sweep
from app.flows.ledger import BATCH
from app.models import Heartbeat
from app.state import State

#: A job that has not ended well for this long is a red line in `tasuki doctor` and in /health/ready.
LATE = timedelta(minutes=3)
#: A job that goes well says so this often.
BEAT_EVERY = timedelta(seconds=20)


class Scheduler:
    """Runs the jobs of one process until it is stopped."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._stopping = threading.Event()
        self._beaten: dict[str, datetime] = {}
        self._ledger = threading.Thread(target=self._work_off, name="ledger", daemon=True)
        self._clock = BackgroundScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 30}
        )
        for name, job, seconds in self._jobs():
            self._clock.add_job(self._run, "interval", (name, job), seconds=seconds, id=name)

    def _jobs(self) -> list[tuple[str, Callable[[], object], float]]:
        state = self._state
        return [
            ("sweep", lambda: sweep.run(state.database, state.versions, state.clock()), state.settings.sweep_every),
            ("alerts", self._alert, 5),
            ("questions", self._ask_tools, 5),
        ]

    def _alert(self) -> None:
        state = self._state
        while not self._stopping.is_set():
            if not alerts.send_owed(state.database, state.versions, state.channels, state.settings, state.clock()):
                return

    def _ask_tools(self) -> None:
        while not self._stopping.is_set() and self._state.ledger.ask(self._state.clock()):
            pass

    def start(self) -> None:
        self._ledger.start()
        self._clock.start()

    def stop(self) -> None:
        self._stopping.set()
        self._state.stored.set()
        self._ledger.join(timeout=30)
        self._clock.shutdown(wait=True)

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
