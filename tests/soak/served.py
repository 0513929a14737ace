"""The product's own web process for kill.py, with short leases and intervals: a life of a second sees everything.

`python -m tests.soak.served PORT` starts a server for every line that it reads, and answers with the server's pid. The
imports are done by then, so that lives follow each other quickly. TASUKI_* settings choose the database.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import uvicorn
from fastapi import FastAPI

from app import main
from app.domain import alerting
from app.flows import alerts, ledger
from app.scheduler import Scheduler
from app.settings import read_settings

LEASE = timedelta(seconds=2)
EVERY = 0.4


class Hurried(Scheduler):
    def _jobs(self) -> list[tuple[str, Callable[[], object], float]]:
        return [(name, job, EVERY) for name, job, _ in super()._jobs()]


def app() -> FastAPI:
    alerts.LEASE = ledger.LEASE = LEASE
    alerts.DIGEST = alerting.STORM = 10**6  # each alert a message of its own, so that each can be counted
    main.Scheduler = Hurried  # type: ignore[misc]
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a turn that is skipped because one runs is no news
    return main.create_app(read_settings(_env_file=None))


def serve(port: int) -> None:
    """One life, in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    uvicorn.run(app(), port=port, log_level="warning", access_log=False)


def _end_with_parent(parent: int) -> None:
    """Nobody is left behind, however kill.py itself ends."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def give_birth(port: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the dead are not waited for
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                serve(port)
            finally:
                os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    give_birth(int(sys.argv[1]))
