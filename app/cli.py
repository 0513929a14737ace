"""`tasuki …`, the command line. Exit codes: 0, 1 broken, 2 usage or settings, 3 data; never a traceback."""

from __future__ import annotations

import re
import sys
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from app.commands import (
    absences,
    actions,
    alerts,
    backfill,
    bursts,
    calendars,
    channels,
    contents,
    deliveries,
    doctor,
    handoffs,
    held,
    identities,
    imports,
    kpis,
    leads,
    meetings,
    policies,
    process_rules,
    reports,
    serving,
    sources,
    tokens,
    trials,
    users,
)
from app.commands.audit import audit_
from app.commands.demo import demo
from app.commands.due import due
from app.commands.failures import exit_code, in_words, passes
from app.commands.feeds import feeds_
from app.commands.printing import asked_language, complain, language_before_settings
from app.commands.quality import quality_
from app.domain.language import LOCALES, text
from app.settings import BadSettings, read_settings

#: Between Japanese punctuation and what follows it.
PHRASE = re.compile(r"(?<=[、。])(?=[^\s、。])")


def language() -> str:
    """`--lang`, else as the settings say."""
    try:
        return asked_language.get() or read_settings().locale
    except BadSettings:
        return language_before_settings()


class Root(TyperGroup):
    """All commands: `--lang` anywhere among them, help in its tongue, failures in one sentence."""

    def make_context(self, info_name: str | None, args: list[str], *others: Any, **more: Any) -> Any:
        asked_language.set(None)
        args = language_first(args)
        translate(self, language())
        return super().make_context(info_name, args, *others, **more)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if passes(error):
                raise
            for words in in_words(error, language()):
                complain(words)
            raise typer.Exit(exit_code(error)) from None


def language_first(args: list[str]) -> list[str]:
    """`--lang` may stand behind the command as well; it is heard before anything is said."""
    end = args.index("--") if "--" in args else len(args)
    for place, word in enumerate(args[:end]):
        name, equals, value = word.partition("=")
        if name == "--lang" and (equals or place + 1 < end):
            given = [word] if equals else args[place : place + 2]
            wanted = value or given[-1]
            asked_language.set(wanted if wanted in LOCALES else None)
            return [*given, *(args[:place] + args[place + len(given) :] or ["--help"])]
    return args


def translate(command: Any, locale: str) -> None:
    """The help of a command and of all below it; they are made anew for every run."""
    for described in (command, *command.params):
        for name in ("help", "short_help"):
            if message := getattr(described, name, None):
                setattr(described, name, breakable(text(locale, message)))
    for below in getattr(command, "commands", {}).values():
        translate(below, locale)


def breakable(words: str) -> str:
    """Help is broken at blanks alone, and cut where there is none: Japanese gets one after each phrase."""
    return PHRASE.sub(" ", words)


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def tasuki(
    lang: Annotated[
        Literal["ja", "en"] | None, typer.Option(help="Language of the output; else as the settings say.")
    ] = None,
) -> None:
    """Tasuki: no lead handed from marketing to sales is dropped."""
    asked_language.set(lang)


app.command()(serving.serve)
app.command()(serving.worker)
app.command()(demo)
sources.app.command()(backfill.backfill)
sources.app.command()(backfill.poll)
sources.app.command()(trials.check)
sources.app.command("test")(trials.rehearse)
sources.app.command()(trials.schema)
app.add_typer(sources.app, name="source")
app.add_typer(tokens.app, name="token")
app.add_typer(users.app, name="user")
app.add_typer(policies.app, name="policy")
app.add_typer(calendars.app, name="calendar")
app.command("feeds")(feeds_)
app.command()(due)
app.command()(handoffs.explain)
app.add_typer(identities.app, name="identities")
app.command()(meetings.agenda)
app.add_typer(kpis.app, name="kpi")
app.add_typer(meetings.app, name="meeting")
app.add_typer(actions.app, name="action")
app.add_typer(held.proposal, name="proposal")
app.add_typer(process_rules.app, name="process-rule")
app.add_typer(leads.app, name="lead")
app.add_typer(imports.app, name="import")
app.add_typer(channels.app, name="channel")
app.add_typer(contents.app, name="content")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(bursts.app, name="bursts")
app.add_typer(alerts.app, name="alerts")
app.add_typer(absences.app, name="absence")
app.command("quality")(quality_)
app.command("audit")(audit_)
app.command()(reports.report)
app.command()(handoffs.rebuild)
app.command()(doctor.doctor)


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a character still gets the rest
    app()
