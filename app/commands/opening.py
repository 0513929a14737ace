"""The one place where a command opens settings and database, and closes them again."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from app.commands.printing import Terminal, asked_language
from app.settings import Settings, read_settings
from app.state import State, open_state


def terminal_for(settings: Settings) -> Terminal:
    return Terminal(asked_language.get() or settings.locale, settings.zone)


def operator() -> str:
    """Who runs the command, for the audit log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return "cli"


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[tuple[State, Terminal]]:
    """The process state on a current database, in the language asked for. Raises BadSettings, and what databases do."""
    settings = settings or read_settings()
    state = open_state(settings)
    try:
        yield state, terminal_for(settings)
    finally:
        state.close()
