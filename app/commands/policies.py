"""`tasuki policy …`: the SLA in versions."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from app.commands import previews
from app.commands.documents import as_data, as_yaml, read_document
from app.commands.due import moment_of, number_of, target_in_words
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.policy import Policy
from app.domain.refusals import validated
from app.domain.rules import explain_rule
from app.flows import lists, publish
from app.flows.lists import PolicyEntry
from app.flows.publish import Published

app = typer.Typer(no_args_is_help=True, help="The SLA: which leads, until when, who is told.")

Key = Annotated[str, typer.Argument(help="The policy's key.")]
File = Annotated[str, typer.Argument(help="YAML or JSON file; - is stdin.")]


@app.command("list")
def list_policies(as_json: AsJson = False) -> None:
    """All versions of all policies."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            entries = lists.policy_versions(c, state.versions.read(c))
        if as_json:
            terminal.json([_entry(entry) for entry in entries])
            return
        columns = ("Key", "Version", "Name", "In force from", "Target", "Which leads", "Note")
        terminal.table(columns, [_policy_row(entry, terminal) for entry in entries])


def _entry(entry: PolicyEntry) -> dict[str, Any]:
    version = entry.version
    return {
        "key": version.policy.key,
        "version": version.version,
        "effective_from": version.effective_from,
        "calendar_version": version.calendar_version,
        "created_at": entry.created_at,
        "created_by": entry.created_by,
        "note": entry.note,
        "policy": as_data(version.policy),
        "rule_ja": explain_rule(version.policy.rule, "ja"),
        "rule_en": explain_rule(version.policy.rule, "en"),
    }


def _policy_row(entry: PolicyEntry, terminal: Terminal) -> list[object]:
    version, policy = entry.version, entry.version.policy
    since = terminal.moment(version.effective_from) if version.effective_from else terminal.words("ever")
    target = target_in_words(policy.clock, policy.target, terminal)
    leads = explain_rule(policy.rule, terminal.locale) if policy.enabled else terminal.words("switched off")
    return [policy.key, f"v{version.version}", policy.name, since, target, leads, entry.note]


@app.command("show")
def show_policy(
    key: Key,
    version: Annotated[str | None, typer.Option(help="Its number; else the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """A policy as a file for `apply`, with its rule in words."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            entry = lists.policy_version(c, state.versions.read(c), key, number_of(version))
        if as_json:
            terminal.json(_entry(entry))
            return
        for line in _heading(entry, terminal):
            terminal.line(f"# {line}")
        terminal.raw(as_yaml(as_data(entry.version.policy)))


def _heading(entry: PolicyEntry, terminal: Terminal) -> Iterator[str]:
    version = entry.version
    since = terminal.moment(version.effective_from) if version.effective_from else terminal.words("ever")
    yield terminal.words(
        "{key} v{number}, in force from {since}", key=version.policy.key, number=version.version, since=since
    )
    if entry.note:
        yield entry.note
    yield from (explain_rule(version.policy.rule, locale) for locale in ("ja", "en"))


@app.command()
def diff(
    key: Key,
    older: Annotated[str, typer.Argument(help="A version, such as v1.")],
    newer: Annotated[str, typer.Argument(help="Another one.")],
) -> None:
    """What changed between two versions, as text and in words."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            known = state.versions.read(c)
            before, after = (lists.policy_version(c, known, key, number_of(number)) for number in (older, newer))
        old, new = (as_yaml(as_data(entry.version.policy)).splitlines() for entry in (before, after))
        names = [f"{key} v{entry.version.version}" for entry in (before, after)]
        changes = list(difflib.unified_diff(old, new, names[0], names[1], lineterm=""))
        for line in changes:
            terminal.line(line, style={"+": "green", "-": "red", "@": "cyan"}.get(line[0], ""))
        if not changes:
            terminal.say("The two versions say the same.")
        for name, entry in zip(names, (before, after), strict=True):
            terminal.line(f"{name}: {explain_rule(entry.version.policy.rule, terminal.locale)}")


@app.command("apply")
def apply_policy(
    file: File,
    effective_from: Annotated[
        str | None, typer.Option(help='Moment from which it applies, "2026-10-05 09:00"; else now.')
    ] = None,
    note: Annotated[str, typer.Option(help="Why: the decision of the meeting, for instance.")] = "",
    preview: previews.AsPreview = False,
    migrate_open: Annotated[
        bool, typer.Option("--migrate-open", help="Move the clocks that run to this version as well.")
    ] = False,
    yes: previews.Yes = False,
    as_json: AsJson = False,
) -> None:
    """A new version of a policy; running handoffs keep theirs."""
    document = read_document(file)
    with opened() as (state, terminal), previews.answers_for(document, "/policy"):
        policy, now = validated(Policy, document.data, under="/policy"), state.clock()
        start = moment_of(effective_from, state.settings.zone) if effective_from else None
        with state.database.read() as c:
            foreseen = publish.preview_policy(c, policy, now=now, effective_from=start, migrate_open=migrate_open)
        if preview:
            previews.show_policy(foreseen, terminal, as_json=as_json)
            return
        previews.ask(len(foreseen.moves) if migrate_open else 0, yes, terminal)
        published = publish.policy(
            state.database,
            state.versions,
            policy,
            by=operator(),
            now=now,
            effective_from=start,
            note=note,
            migrate_open=migrate_open,
        )
        if as_json:
            terminal.json(_applied(policy, published, migrate_open=migrate_open))
            return
        _say_applied(policy, published, terminal.moment(start or now), terminal)
        _say_moved(published, terminal, migrate_open=migrate_open)


def _applied(policy: Policy, published: Published, *, migrate_open: bool) -> dict[str, Any]:
    said = {"key": policy.key, "version": published.version, "changed": published.new}
    return said | ({"moved": len(published.moves)} if migrate_open else {})


def _say_applied(policy: Policy, published: Published, since: str, terminal: Terminal) -> None:
    key, number = policy.key, published.version
    if not published.new:
        terminal.say("Nothing changed: {key} v{number} says the same.", key=key, number=number)
        return
    terminal.say("{key} v{number} is in force from {since}.", key=key, number=number, since=since)
    terminal.line(explain_rule(policy.rule, terminal.locale))


def _say_moved(published: Published, terminal: Terminal, *, migrate_open: bool) -> None:
    if migrate_open:
        terminal.say("Deadlines of running clocks that changed: {count}", count=len(published.moves))
    elif published.new:
        terminal.say("Handoffs that are running keep the version they started under.")
