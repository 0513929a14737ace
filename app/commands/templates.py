"""`tasuki meeting template …`: what a meeting goes through, as it comes with Tasuki and as the company wants it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer

from app.commands.documents import as_yaml, read_document
from app.commands.failures import CannotDo
from app.commands.opening import opened, operator
from app.commands.printing import AsJson, Terminal
from app.domain.language import text
from app.domain.refusals import validated
from app.domain.template import LENGTHS, ROLE_NAMES, Template, built_in, owner_of, question_of, title_of, warnings
from app.flows import templates
from app.flows.administer import Admin
from app.flows.templates import StoredTemplate

app = typer.Typer(no_args_is_help=True, help="What a meeting goes through, and how long each item may take.")

Key = Annotated[str, typer.Argument(help="The template's key.")]


class Minutes(StrEnum):
    SIXTY = "60"
    SEVENTY_FIVE = "75"
    NINETY = "90"


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """The company's own templates."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = [
                (stored, [each.key for each in templates.users(c, stored.key)]) for stored in templates.all_templates(c)
            ]
        if as_json:
            terminal.json([_entry(stored, terminal) | {"used_by": used_by} for stored, used_by in found])
            return
        columns = ("Key", "Version", "Name", "Minutes", "Status items", "Held by it", "Saved by")
        terminal.table(columns, [_row(stored, used_by) for stored, used_by in found])


def _row(stored: StoredTemplate, used_by: list[str]) -> list[object]:
    template = stored.template
    share = f"{template.status_share:.0%}"
    return [stored.key, f"v{stored.version}", template.name, template.minutes, share, ", ".join(used_by), stored.by]


@app.command()
def show(
    key: Key,
    version: Annotated[int | None, typer.Option(min=1, help="Its number; else the newest.")] = None,
    as_json: AsJson = False,
) -> None:
    """A template as a file for `set`, with its items in words."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = templates.versions(c, key)
        stored = next((each for each in found if version in (None, each.version)), None)
        if stored is None:
            raise CannotDo("The template {key} has no version {version}.", key=key, version=version)
        if as_json:
            terminal.json(_entry(stored, terminal))
            return
        terminal.line(f"# {key} v{stored.version}, {terminal.moment(stored.created_at)}, {stored.by}")
        _print(stored.template, terminal)


@app.command("built-in")
def built_in_(
    minutes: Annotated[Minutes, typer.Argument(help="How long the meeting takes.")], as_json: AsJson = False
) -> None:
    """What comes with Tasuki, as a file to begin a template of one's own with."""
    with opened() as (_, terminal):
        template = built_in(next(length for length in LENGTHS if str(length) == minutes))
        named = template.model_copy(update={"name": terminal.words(template.name)})
        if as_json:
            terminal.json(_described(named, terminal))
            return
        _print(named, terminal)


@app.command("set")
def set_(key: Key, file: Annotated[str, typer.Argument(help="YAML or JSON; - is stdin.")]) -> None:
    """Add a template or its next version, by which the next meetings are held."""
    templates.check_key(key)
    document = read_document(file)
    with opened() as (state, terminal), document.answerable():
        template = validated(Template, document.data)
        with state.database.write() as c:
            version = templates.save(c, Admin(operator(), state.clock()), key, template)
        terminal.say("{key} v{version}: the next meetings are held by it.", key=key, version=version)
        for said in warnings(template):
            terminal.warn(said)


def _print(template: Template, terminal: Terminal) -> None:
    for line in _in_words(template, terminal.locale):
        terminal.line(f"# {line}")
    terminal.raw(as_yaml(template.model_dump(mode="json", exclude_defaults=True)))


def _in_words(template: Template, locale: str) -> Iterator[str]:
    for item in template.items:
        owner = text(locale, ROLE_NAMES[owner_of(item)])
        yield text(locale, "{n} min: {title} ({owner})", n=item.minutes, title=title_of(item, locale), owner=owner)
        yield f"   {question_of(item, locale)}"
    yield text(locale, "Status items: {n} of {minutes} minutes", n=template.status_minutes, minutes=template.minutes)
    yield from (text(locale, said) for said in warnings(template))


def _entry(stored: StoredTemplate, terminal: Terminal) -> dict[str, Any]:
    known = {"key": stored.key, "version": stored.version, "created_at": stored.created_at, "by": stored.by}
    return known | _described(stored.template, terminal)


def _described(template: Template, terminal: Terminal) -> dict[str, Any]:
    return {
        "template": template.model_dump(mode="json"),
        "status_minutes": template.status_minutes,
        "status_share": round(template.status_share, 3),
        "warnings": [terminal.words(said) for said in warnings(template)],
    }
