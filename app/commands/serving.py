"""`tasuki serve`, `tasuki worker` and `tasuki demo`: the processes."""

from __future__ import annotations

import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket as Socket
from typing import Annotated

import typer
from sqlalchemy.engine import make_url

from app.commands.failures import BROKEN, USAGE, CannotDo
from app.commands.opening import opened, terminal_for
from app.commands.printing import Terminal
from app.flows import setting_up
from app.flows.sources import opened as open_sources
from app.scheduler import Scheduler
from app.settings import Settings, read_settings
from app.state import State, open_state, secret_keys

Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen at; else TASUKI_PORT.")]
LOOPBACK = "127.0.0.1"


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen at; else TASUKI_HOST.")] = None,
    port: Port = None,
    no_scheduler: Annotated[
        bool, typer.Option("--no-scheduler", help="Web alone; `tasuki worker` processes do the rest.")
    ] = False,
) -> None:
    """Run web and scheduler until stopped."""
    from app.commands import web  # the web framework takes half a second to load; other commands do without

    settings = at_address(read_settings(), host, port)
    terminal = terminal_for(settings)
    if no_scheduler and database_file(settings):
        terminal.warn("Nothing works deliveries off: on SQLite only `tasuki serve` without --no-scheduler does.")
    web.log_to_stderr()
    with only_one(settings), web.listening(settings.host, settings.port, "serve") as socket:
        run_web(settings, socket, terminal, scheduled=not no_scheduler)


def run_web(settings: Settings, socket: Socket, terminal: Terminal, *, scheduled: bool = True) -> None:
    from app.commands import web
    from app.main import create_app

    state = open_state(settings)
    check_sources(state)
    address = f"http://{settings.host}:{settings.port}/"
    app = create_app(settings, scheduled=scheduled, state=state)
    web.run(app, socket, lambda: _announce(state, terminal, address))


def _announce(state: State, terminal: Terminal, address: str) -> None:
    with state.database.read() as c:
        empty = setting_up.is_empty(c)
    if empty and not state.settings.open_pages:
        invitation = f"{state.settings.public_url}/first/{setting_up.invitation(secret_keys(state.settings))}"
        terminal.say("Nobody can sign in yet. Whoever opens this link becomes the first administrator:")
        terminal.line(f"  {invitation}", style="bold")
    terminal.say("Tasuki listens at {address} – Ctrl+C ends it.", address=address)


def worker() -> None:
    """Run the scheduler alone until stopped; needs PostgreSQL."""
    from app.commands import web

    settings = read_settings()
    if database_file(settings):
        message = "A worker needs PostgreSQL (TASUKI_DATABASE_URL): on SQLite one process writes, `tasuki serve`."
        raise CannotDo(message, USAGE)
    web.log_to_stderr()
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stopping.set())
    with opened(settings) as (state, terminal):
        check_sources(state)
        scheduler = Scheduler(state)
        scheduler.start()
        terminal.say("The worker runs – Ctrl+C ends it.")
        stopping.wait()
        scheduler.stop()


def check_sources(state: State) -> None:
    """A key that does not open the sources stops the start, not the first webhook. Raises what opening them raises."""
    with state.database.read() as c:
        open_sources(c, state.vault)


def at_address(settings: Settings, host: str | None, port: int | None) -> Settings:
    """The settings with another address; links follow it unless TASUKI_PUBLIC_URL says where people reach us."""
    host, port = host or settings.host, port or settings.port
    changed: dict[str, object] = {"host": host, "port": port}
    if "public_url" not in settings.model_fields_set:
        changed["public_url"] = f"http://{LOOPBACK}:{port}"
    return settings.model_copy(update=changed)


# --- one process a data folder


def database_file(settings: Settings) -> Path | None:
    """The embedded database; None on PostgreSQL."""
    url = make_url(settings.url_of_database)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """On SQLite one process serves a database. The kernel frees the lock however the process ends. Raises CannotDo."""
    file = database_file(settings)
    if file is None:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(file.name + ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = "Another `tasuki serve` or `tasuki demo` uses {folder}: end it, or set another TASUKI_DATA_DIR."
            raise CannotDo(message, BROKEN, folder=file.parent) from None
        yield
