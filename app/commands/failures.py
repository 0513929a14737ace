"""What a command that could not do its work says: one sentence for whoever can mend it, and an exit code."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from pathlib import Path

from alembic.util import CommandError
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from app.commands.documents import RefusedFile
from app.domain.language import text
from app.domain.refusals import Refused, refusals_of
from app.flows.actions import NoSuchAction
from app.flows.channels import NoSuchWord
from app.flows.contents import NoSuchContent
from app.flows.dossier import NoSuchHandoff
from app.flows.lists import NoSuchAlert, NoSuchDelivery, NoSuchLead, NoSuchPolicy
from app.flows.meetings import NoMeetingAhead, NoSuchSeries
from app.flows.policies import NoSuchCalendar
from app.flows.process_rules import NoSuchProcessRule
from app.flows.record import NoSuchMeeting
from app.flows.reviews import NoSuchProposal
from app.flows.sources import NoSuchSource, WrongKey
from app.flows.templates import NoSuchTemplate
from app.flows.tokens import NoSuchToken
from app.flows.users import NoSuchUser
from app.pages.papers import NotWritten
from app.settings import BadSettings, Settings
from connectors.registry import UnknownKind

#: Something outside is broken; what was typed or set is wrong; what is stored or written in a file is.
BROKEN, USAGE, DATA = 1, 2, 3


class CannotDo(Exception):
    """A command's own refusal: a message id with its values."""

    def __init__(self, message: str, /, code: int = DATA, **values: object) -> None:
        super().__init__(message)
        self.message, self.code, self.values = message, code, values


#: Nothing has that name: class → message id with `{name}`.
UNKNOWN: dict[type[Exception], str] = {
    NoSuchSource: "No source is called {name}. `tasuki source list` shows them.",
    NoSuchCalendar: "No calendar is called {name}. `tasuki calendar list` shows them.",
    NoSuchSeries: "No meeting series is called {name}. `tasuki meeting series show` shows them.",
    NoMeetingAhead: "The series {name} has no open day for more than a year; change it, or its calendar.",
    NoSuchPolicy: "No policy is called {name}. `tasuki policy list` shows them.",
    NoSuchHandoff: "No handoff has the number {name}. `tasuki explain lead COMPANY/NAME` finds one.",
    NoSuchLead: "No lead has the number {name}.",
    NoSuchDelivery: "No delivery has the number {name}. `tasuki deliveries list` shows them.",
    NoSuchAlert: "No alert has the number {name}. `tasuki alerts list` shows them.",
    NoSuchWord: "Nobody has decided which channel {name} means. `tasuki channel list` shows the words.",
    NoSuchContent: "No content has the id {name}. `tasuki content list` shows it.",
    NoSuchAction: "No action item has the number {name}. `tasuki action list` shows them.",
    NoSuchTemplate: "No agenda template is called {name}. `tasuki meeting template list` shows them.",
    NoSuchMeeting: "There is no meeting {name} yet; only the next one can be prepared. See `tasuki meeting list`.",
    NotWritten: "Meeting {name} has no such paper yet: the agenda is frozen 24 business hours ahead, the minutes are "
    "written when it is closed.",
    NoSuchProposal: "No proposal has the number {name}. `tasuki proposal list` shows them.",
    NoSuchProcessRule: "No process rule has the key {name}. `tasuki process-rule list` shows them.",
    NoSuchToken: "No token has the number {name}. `tasuki token list` shows them.",
    NoSuchUser: "Nobody has the e-mail address {name}. `tasuki user list` shows all users.",
}


def exit_code(error: Exception) -> int:
    if isinstance(error, CannotDo):
        return error.code
    if isinstance(error, BadSettings | WrongKey):
        return USAGE
    wrong_data = (Refused, RefusedFile, UnknownKind, *UNKNOWN)
    return DATA if isinstance(error, wrong_data) else BROKEN


def in_words(error: Exception, locale: str) -> Iterator[str]:
    """What went wrong and what to do, a line for each thing to mend."""
    match error:
        case CannotDo():
            yield text(locale, error.message, **error.values)
        case BadSettings():
            yield from (text(locale, "A setting is wrong: {why}", why=why) for why in settings_in_words(error, locale))
        case Refused():
            yield from (f"{r.place}: {r.message(locale)}".removeprefix(": ") for r in error.refusals)
        case RefusedFile():
            yield from _about_a_file(error, locale)
        case DBAPIError():
            yield text(locale, "The database does not answer: {why}. Check TASUKI_DATABASE_URL.", why=_reason(error))
        case CommandError():
            yield text(locale, "The database was made by a newer Tasuki; install that version, or restore a backup.")
        case OSError():
            yield f"{error.filename}: {error.strerror}" if error.filename else str(error)
        case _:
            yield _known_or_not(error, locale)


def settings_in_words(error: BadSettings, locale: str) -> Iterator[str]:
    """The same in the reader's tongue, as far as pydantic's own errors stand behind it."""
    wrong = error.__context__
    if not isinstance(wrong, ValidationError):
        yield str(error)
        return
    for refusal in refusals_of(wrong, Settings):
        name = refusal.place.strip("/").partition("/")[0]
        yield f"TASUKI_{name.upper()}: {refusal.message(locale)}" if name else refusal.message(locale)


def _about_a_file(error: RefusedFile, locale: str) -> Iterator[str]:
    for line, refusal in error.places:
        place = f"{error.file}:{line}" if line else error.file
        yield ": ".join(part for part in (place, refusal.place, refusal.message(locale)) if part)


def _reason(error: DBAPIError) -> str:
    """The driver's first line."""
    return str(error.orig or error).strip().split("\n")[0].rstrip(".")


def _known_or_not(error: Exception, locale: str) -> str:
    if type(error) in UNKNOWN:
        return text(locale, UNKNOWN[type(error)], name=error.args[0])
    if isinstance(error, UnknownKind | WrongKey):
        return text(locale, str(error))
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"
    return text(locale, "Something unexpected went wrong; please report it: {place}", place=place)


def passes(error: Exception) -> bool:
    """What the command-line library ends a command with itself, and the end of a pipe."""
    closed_pipe = isinstance(error, OSError) and error.errno == errno.EPIPE
    return closed_pipe or hasattr(error, "exit_code") or type(error).__name__ == "Abort"
