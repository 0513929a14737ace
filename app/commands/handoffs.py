"""`tasuki explain` and `tasuki rebuild`: why a handoff stands as it does, and whether the ledger still says so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from app.commands.failures import DATA, USAGE, CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.agenda import Lead
from app.domain.deadline import receipt_lines
from app.domain.language import span
from app.domain.rules import explain_finding
from app.domain.touches import Act
from app.flows import explain as flow
from app.flows import rebuild as redo
from app.flows import search
from app.flows.administer import Admin
from app.flows.dossier import Change, Dossier
from app.flows.explain import Explanation
from app.flows.messages import who
from app.flows.rebuild import Difference
from app.pages import words as page_words
from app.pages.feeds import overdue_in_words

#: What a database key can be.
NUMBER = re.compile(r"[0-9]{1,18}")
#: Characters of a stored value around the place where it differs.
SHOWN = 60


def explain(
    what: Annotated[str, typer.Argument(help="The handoff's number, or the word lead.")],
    lead: Annotated[str | None, typer.Argument(help="After lead: company/name, e-mail address or a tool's id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Why a handoff has its verdict: evidence, receipt, what sales did, who was told."""
    if (what == "lead") != (lead is not None) or (what != "lead" and not NUMBER.fullmatch(what)):
        raise CannotDo("Write `tasuki explain 42`, or `tasuki explain lead 山田製作所/佐藤`.", USAGE)
    with opened() as (state, terminal):
        now = state.clock()
        with state.database.read() as c:
            number = _handoff_of(c, lead, terminal) if lead else int(what)
            found = flow.explain(c, state.versions.read(c), number, now)
        if as_json:
            terminal.json(_as_the_api_says_it(found, state.settings.public_url))
        else:
            _print(found, f"{state.settings.public_url}/handoffs/{number}", terminal)


def _as_the_api_says_it(found: Explanation, public_url: str) -> Any:
    from app.api.v1 import explaining, shapes  # the web framework takes half a second to load

    return explaining.explained(found, shapes.shown(found.handoff, public_url)).model_dump(mode="json")


def _handoff_of(c: Connection, words: str, terminal: Terminal) -> int:
    found = search.leads(c, words)
    if not found:
        raise CannotDo("No lead is known as {words}.", words=words)
    if len(found) > 1:
        rows = [(row.handoff_id, row.company, row.name) for row in found]
        terminal.table(("Handoff", "Company", "Name"), rows)
        raise CannotDo("Several leads are called like that; explain one by the number of its handoff.")
    if found[0].handoff_id is None:
        raise CannotDo("{who} has not become MQL, so there is no handoff.", who=_who(found[0], terminal))
    return int(found[0].handoff_id)


def _who(row: Any, terminal: Terminal) -> str:
    return who(Lead(row.id, row.name, row.company), terminal.locale)


# --- an explanation


def _print(found: Explanation, page: str, terminal: Terminal) -> None:
    file, locale = found.dossier, terminal.locale
    status = page_words.WITHDRAWN if file.withdrawn else page_words.VERDICTS[file.verdict]
    terminal.line(f"{who(file.lead, locale)}  {status.icon} {terminal.words(status.word)}", style="bold")
    terminal.pairs(_facts(file, page, terminal))
    _section("Why MQL", [found.rule[locale], *_findings(file, terminal)], terminal)
    _section("Why this deadline", receipt_lines(file.receipt, terminal.zone, locale), terminal)
    _section("What sales did", [_act(act, terminal) for act in found.touches], terminal)
    _section("Owners", [_owner(held, file, terminal) for held in found.owners], terminal)
    _section("Whose time it took", _delays(found, terminal), terminal)
    _section("Verdicts", [_change(change, terminal) for change in file.changes], terminal)
    _section("Alerts", [_alert(row, terminal) for row in found.alerts], terminal)


def _section(title: str, lines: Sequence[str], terminal: Terminal) -> None:
    terminal.line()
    terminal.line(terminal.words(title), style="bold")
    for line in lines or [terminal.words("nothing on record")]:
        terminal.line(f"  {line}")


def _facts(file: Dossier, page: str, terminal: Terminal) -> list[tuple[str, object]]:
    episode, policy = file.episode, file.version
    distance = overdue_in_words(file.distance, file.working, terminal.locale)
    said = [
        ("Handoff", f"#{file.handoff_id}"),
        ("Due", terminal.moment(file.due_at)),
        (_distance_label(file), distance),
        ("Owner", episode.owner_name or episode.owner or terminal.words("nobody yet")),
        ("Policy", f"{policy.policy.name} (v{policy.version})"),
        ("Page", page),
        ("Open in the SFA", file.url or ""),
    ]
    return [(terminal.words(label), value) for label, value in said if value]


def _distance_label(file: Dossier) -> str:
    if file.overdue:
        return "Overdue by"
    return "Time left" if file.running else "Before the deadline"


def _findings(file: Dossier, terminal: Terminal) -> list[str]:
    lines = []
    for reason in file.reasons:
        lines.append(f"{'✓' if reason.finding.held else '✗'} {explain_finding(reason.finding, terminal.locale)}")
        lines += [
            f"    {terminal.moment(event.occurred_at)}  {page_words.evidence_in_words(event, terminal.locale)}"
            for event in reason.events
        ]
        lines += [f"    {terminal.words('and {count} more', count=reason.more)}"] if reason.more else []
    return lines


def _act(act: Act, terminal: Terminal) -> str:
    standing = page_words.STANDINGS[act.standing]
    done = page_words.act_in_words(act.event, terminal.locale)
    return f"{terminal.moment(act.event.occurred_at)}  {done}  {standing.icon} {terminal.words(standing.word)}"


def _owner(held: flow.Ownership, file: Dossier, terminal: Terminal) -> str:
    name = held.tenure.name or held.tenure.owner or terminal.words("nobody yet")
    used = overdue_in_words(held.used, file.working, terminal.locale)
    return f"{terminal.moment(held.tenure.since)}  {name}  {used}"


def _delays(found: Explanation, terminal: Terminal) -> list[str]:
    took, working, locale = found.delays, found.dossier.working, terminal.locale
    parts = (
        ("Tools, until they told us", took.ma),
        ("Tasuki, until it decided", took.own),
        ("Routing, until somebody had it", took.routing),
        ("Owner, until the follow-up", took.human),
    )
    lines = [
        f"{terminal.words(label)}  {overdue_in_words(length, working, locale)}" for label, length in parts if length
    ]
    if took.logging:
        lines.append(f"{terminal.words('Recorded later by')}  {span(took.logging, locale)}")
    if found.due_effective_at > found.dossier.due_at:
        told = terminal.words(
            "Told late: a person had a chance until {time}", time=terminal.moment(found.due_effective_at)
        )
        lines.append(told)
    return lines


def _change(change: Change, terminal: Terminal) -> str:
    status = page_words.of_verdict(change.verdict, change.previous)
    known = terminal.words("known {time}", time=terminal.moment(change.known_at))
    return f"{terminal.moment(change.true_at)}  {status.icon} {terminal.words(status.word)} ({known})"


def _alert(row: Any, terminal: Terminal) -> str:
    when, what = terminal.moment(row.sent_at or row.owed_at), terminal.words(row.reason)
    told = f"{when}  {row.channel}: {what} – {terminal.words(row.state)}"
    return f"{told} ({row.last_error})" if row.last_error else told


# --- the ledger against what is stored


def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 3 if anything differs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Recompute every handoff from the ledger: compare, or write anew."""
    with opened() as (state, terminal):
        if check:
            with terminal.progress("Comparing leads") as progress:
                found = redo.check(state.database, state.clock(), progress)
            _report(found, terminal, as_json=as_json)
            raise typer.Exit(DATA if found else 0)
        if not yes:
            question = "Every handoff is written anew from the ledger; verdicts that change owe their alerts. Go on?"
            typer.confirm(terminal.words(question), abort=True)
        with terminal.progress("Rebuilding leads") as progress:
            redo.mend(state.database, state.clock(), progress)
        with state.database.write() as c:
            Admin(operator(), state.clock()).did(c, "handoffs.rebuilt", "handoffs")
        terminal.say("All handoffs are as the ledger says. `tasuki rebuild --check` compares them again.")


def _report(found: Sequence[Difference], terminal: Terminal, *, as_json: bool) -> None:
    if as_json:
        terminal.json([asdict(difference) for difference in found])
    elif not found:
        terminal.say("No difference: every handoff is as the ledger says.")
    else:
        columns = ("Lead", "Handoff", "What", "Stored", "By the ledger")
        terminal.table(columns, [_difference(each) for each in found])
        terminal.say("{count} differences. `tasuki rebuild` writes them anew from the ledger.", count=len(found))


def _difference(each: Difference) -> tuple[object, ...]:
    start = max(0, first_difference(each.stored, each.computed) - SHOWN // 2)
    stored, computed = (_window(value, start) for value in (each.stored, each.computed))
    return each.lead_id, each.handoff_id or "", each.what, stored, computed


def first_difference(one: str, other: str) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _window(value: str, start: int) -> str:
    before, after = ("…" if start else ""), ("…" if len(value) > start + SHOWN else "")
    return f"{before}{value[start : start + SHOWN]}{after}"
