"""`tasuki audit`: who changed what, and when."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from app.commands.due import moment_of
from app.commands.opening import opened
from app.commands.printing import AsJson, Terminal
from app.domain.differences import differences
from app.flows import audit

By = Annotated[str | None, typer.Option(help="Only what this token or person did, such as cli:sato.")]
Action = Annotated[str | None, typer.Option(help="Only this action, such as source.configured.")]
Subject = Annotated[str | None, typer.Option(help="Only what was done to this, such as source:hubspot.")]
Since = Annotated[str | None, typer.Option(help='Only since then, 2026-09-18 or "2026-09-18 17:30".')]


def audit_(
    by: By = None,
    action: Action = None,
    subject: Subject = None,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Who changed what, and when: the newest first."""
    with opened() as (state, terminal):
        start = moment_of(since, state.settings.zone) if since else None
        with state.database.read() as c:
            page = audit.entries(c, by=by, action=action, subject=subject, since=start, limit=limit)
        if as_json:
            terminal.json([dict(row._mapping) for row in page.rows])
        elif not page.rows:
            terminal.say("Nothing was changed.")
        else:
            terminal.table(
                ("When", "Changed by", "Action", "Subject", "Change"), [_row(r, terminal) for r in page.rows]
            )
        if page.last and not as_json:
            terminal.say("There are more; ask for them with --limit.")


def _row(row: Any, terminal: Terminal) -> list[object]:
    return [terminal.moment(row.at), row.by, row.action, row.subject, changed(row.before, row.after)]


def changed(before: dict[str, Any] | None, after: dict[str, Any] | None) -> str:
    """What differs, a line each: `/config/role: "ma" → "sfa"`; of what is new or gone all of it."""
    lines = differences(before or {}, after or {})
    return "\n".join(f"{each.place}: {_value(each.before)} → {_value(each.after)}" for each in lines)


def _value(value: Any) -> str:
    return "–" if value is None else json.dumps(value, ensure_ascii=False)
