"""`tasuki demo`: twelve weeks of an invented company, to look around in."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer

from app.commands.failures import CannotDo
from app.commands.meetings import feed_url
from app.commands.opening import opened, terminal_for
from app.commands.printing import Terminal
from app.commands.serving import LOOPBACK, Port, at_address, database_file, only_one, run_web
from app.db import Database
from app.domain.clock import Verdict
from app.flows import schema
from app.pages.words import VERDICTS
from app.settings import Settings, read_settings
from app.state import State, wall_clock

FOLDER = Path("tasuki-demo")


def demo(
    no_serve: Annotated[bool, typer.Option("--no-serve", help="Play and print, and end.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget the demo that was played and play it anew.")] = False,
    port: Port = None,
) -> None:
    """Play twelve weeks of webhooks into a database of their own, say what happened, and serve it to this machine."""
    from app.commands import web  # the web framework takes half a second to load; other commands do without

    settings = demo_settings(read_settings(), port)
    terminal = terminal_for(settings)
    web.log_to_stderr()
    with ExitStack() as kept:
        kept.enter_context(only_one(settings))
        socket = None if no_serve else kept.enter_context(web.listening(settings.host, settings.port, "demo"))
        _play(settings, terminal, fresh=fresh)
        with opened(settings) as (state, terminal):
            _show(state, terminal)
        if socket:
            run_web(settings, socket, terminal)


def demo_settings(settings: Settings, port: int | None) -> Settings:
    """Open pages, so this machine alone; a folder of its own unless one is set; nobody gets mail."""
    changed: dict[str, object] = {"open_pages": True, "smtp_host": "", "slack_webhooks": {}}
    if "data_dir" not in settings.model_fields_set:
        changed["data_dir"] = FOLDER
    return at_address(settings, LOOPBACK, port).model_copy(update=changed)


def _play(settings: Settings, terminal: Terminal, *, fresh: bool) -> None:
    """Play unless it was played. Raises CannotDo for a database that holds anything else."""
    from app.demo import play
    from app.demo.play import Standing

    with closing(Database(settings.url_of_database)) as database:
        schema.upgrade(database)
        standing = play.standing(database)
        if standing is Standing.FOREIGN:
            message = "{database} holds what is not the demo's; set TASUKI_DATA_DIR to another folder."
            raise CannotDo(message, database=database.engine.url.render_as_string())
        if standing is Standing.PLAYED and not fresh:
            return
        if standing is not Standing.EMPTY:
            play.clear(database)
    terminal.say("Twelve weeks of webhooks are being played; that takes less than a minute.")
    with terminal.progress("Playing twelve weeks") as progress:
        last_alerts = play.play(settings, wall_clock(), progress)
    terminal.say("The last alerts:")
    for line in last_alerts:
        terminal.line(f"  {line}")
    terminal.line()


# --- what happened, and what to open


def _show(state: State, terminal: Terminal) -> None:
    from app.demo import play

    with state.database.read() as c:
        played = play.count(c)
        handoff = play.telling_handoff(c)
    with state.database.write() as c:
        token, feed = play.new_keys(c, state.clock())
    terminal.say(
        "{webhooks} webhooks brought {events} events about {leads} leads; {handoffs} of them were handed to sales. {alerts} alerts were written.",  # noqa: E501
        **{name: f"{number:,}" for name, number in played.numbers.items()},
    )
    rows = [(f"{VERDICTS[v].icon} {terminal.words(VERDICTS[v].word)}", played.verdicts.get(v, 0)) for v in Verdict]
    terminal.table(("Verdict", "Handoffs"), [row for row in rows if row[1]])
    terminal.line()
    terminal.say("To open:")
    for label, what in _to_open(state.settings, token, feed, handoff):
        terminal.line(f"  {terminal.words(label)}")
        terminal.line(f"    {what}", style="bold")


def _to_open(settings: Settings, token: str, feed: str, handoff: int) -> list[tuple[str, str]]:
    base = settings.public_url
    own_folder = f"TASUKI_DATA_DIR={FOLDER} " if database_file(settings) == FOLDER / "tasuki.db" else ""
    return [
        ("The page: what is urgent today", f"{base}/"),
        ("One handoff explained", f"{base}/handoffs/{handoff}"),
        ("The same in the terminal", f"{own_folder}{sys.argv[0]} explain {handoff}"),
        (
            "The next meeting's agenda (also .json and .html)",
            f'curl -H "Authorization: Bearer {token}" {base}/v1/meetings/next/agenda.md',
        ),
        ("A token that may read", token),
        ("The meeting as a calendar to subscribe to", feed_url(base, feed)),
        ("The REST API", f"{base}/docs"),
    ]
