"""The web server of `tasuki serve` and `tasuki demo`: one socket, one process, no access log, a graceful end."""

from __future__ import annotations

import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from app.commands.failures import BROKEN, CannotDo
from app.pages import live

#: Seconds for which an ending server waits for answers that are under way.
PATIENCE = 20
#: Seconds for which a thread that computes keeps the interpreter from one that has to answer. Python's own are 0.005.
SWITCH_INTERVAL = 0.002


class Server(uvicorn.Server):
    """Says when it can be reached."""

    def __init__(self, app: FastAPI, announce: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                access_log=False,
                log_config=None,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=PATIENCE,
            )
        )
        self._announce = announce

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        live.streams.ending = True  # their browsers connect anew to the next server; nobody waits for them here
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        live.streams.ending = False
        await super().startup(sockets)
        if self.started:
            self._announce()

    def end(self, _number: int, _frame: FrameType | None) -> None:
        """A signal outside of the server's own time: it is never lost, and it is no failure."""
        self.should_exit = True


def run(app: FastAPI, listening: socket.socket, announce: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT."""
    answer_before_computing()
    server = Server(app, announce)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.end)
    server.run(sockets=[listening])


def answer_before_computing() -> None:
    """The ledger judges in threads of the process that answers webhooks.

    What is loaded now stays until the end, so the garbage collector need not walk through it each time: that would
    stop every thread for 150 ms.
    """
    sys.setswitchinterval(SWITCH_INTERVAL)
    gc.collect()
    gc.freeze()


def log_to_stderr() -> None:
    """What a person must act on. Libraries speak of trouble only: httpx would write down the URLs of Slack webhooks."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("tasuki").setLevel(logging.INFO)


@contextmanager
def listening(host: str, port: int, command: str) -> Iterator[socket.socket]:
    """The address, taken before any work is done. Raises CannotDo. `command`: what to call with another port."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        taken = socket.socket(family, kind, protocol)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as refused:
        raise _why_not(refused, host, port, command) from None
    with taken:
        yield taken


def _why_not(refused: OSError, host: str, port: int, command: str) -> CannotDo:
    if refused.errno == errno.EADDRINUSE:
        message = "Port {port} is taken by another program: choose one with `tasuki {command} --port {other}`."
        other = port + 1 if port < 65535 else 8000
        return CannotDo(message, BROKEN, port=port, command=command, other=other)
    if refused.errno == errno.EACCES:
        message = "Port {port} is kept for the system: choose one above 1023 with `tasuki {command} --port 8000`."
        return CannotDo(message, BROKEN, port=port, command=command)
    message = "This machine cannot listen at {host}: {why}. Set TASUKI_HOST to one of its addresses."
    return CannotDo(message, BROKEN, host=host, why=refused.strerror)
