"""The page of the SLA: the agreement as text, its versions, what differs between two, and what was proposed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from app.domain.differences import Difference, differences
from app.domain.policy import Policy, PolicyVersion
from app.flows import lists, policies, reviews
from app.flows.lists import PolicyEntry
from app.pages import agreement_text, session
from app.pages.agreement_text import Change, Section
from app.pages.rendering import Page, Reader, reader_of, render
from app.state import State

router = APIRouter(route_class=Page, include_in_schema=False, dependencies=[Depends(session.needed)])


@dataclass(frozen=True, slots=True)
class Agreement:
    """One policy as it is in force, and how it came about."""

    version: PolicyVersion
    sections: Sequence[Section]
    #: The newest first.
    entries: Sequence[PolicyEntry]
    #: In force now; otherwise it will be, or it is switched off.
    in_force: bool
    #: The next day on which a meeting looks at what a change did; None: none is set.
    review_on: date | None


@dataclass(frozen=True, slots=True)
class Compared:
    """Two versions of one policy side by side."""

    before: PolicyVersion
    after: PolicyVersion
    changes: Sequence[Change]
    #: Field by field, for who wants to see the rule itself.
    fields: Sequence[Difference]


@router.get("/sla")
def sla(request: Request) -> Response:
    """`?policy=mql&from=1&to=2`: what differs between two versions."""
    state: State = request.app.state.tasuki
    reader = reader_of(request)
    with state.database.read() as c:
        known = state.versions.read(c)
        entries = lists.policy_versions(c, known)
        compared = _compared(entries, request, reader)
        proposals = reviews.listed(c)
        now_in_force = {version.id for version in known.in_force(reader.now)}
    agreements = [_agreement(mine, now_in_force, proposals, reader) for mine in _by_key(entries).values()]
    return render(
        request, "sla.html", agreements=agreements, compared=compared,
        proposed=[_proposed(row, entries, reader) for row in proposals],
        not_found=compared is None and "to" in request.query_params,
    )  # fmt: skip


def _by_key(entries: Sequence[PolicyEntry]) -> dict[str, list[PolicyEntry]]:
    """In the order in which policies are tried."""
    found: dict[str, list[PolicyEntry]] = {}
    for entry in entries:
        found.setdefault(entry.version.policy.key, []).append(entry)
    return dict(sorted(found.items(), key=lambda one: one[1][-1].version.policy.order))


def _agreement(
    entries: Sequence[PolicyEntry], in_force: set[int], proposals: Sequence[Any], reader: Reader
) -> Agreement:
    """The version in force, else the newest."""
    version = next((e.version for e in reversed(entries) if e.version.id in in_force), entries[-1].version)
    text = agreement_text.sections(version, reader.now, reader.locale)
    review_on = _next_review(proposals, version.policy.key, reader.now.astimezone(reader.zone).date())
    return Agreement(version, text, list(reversed(entries)), version.id in in_force, review_on)


def _next_review(proposals: Sequence[Any], key: str, today: date) -> date | None:
    """Of the changes that were not withdrawn."""
    ahead = (row.review_on for row in proposals if row.policy_key == key and row.state != "withdrawn")
    return min((day for day in ahead if day >= today), default=None)


def _compared(entries: Sequence[PolicyEntry], request: Request, reader: Reader) -> Compared | None:
    """None: nothing is asked for, or there are no such versions."""
    asked = request.query_params
    key = asked.get("policy") or (entries[0].version.policy.key if entries else "")
    mine = {f"{e.version.version}": e.version for e in entries if e.version.policy.key == key}
    before, after = mine.get(asked.get("from", "")), mine.get(asked.get("to", ""))
    if before is None or after is None:
        return None
    said = agreement_text.changes(before, after, reader.now, reader.locale)
    fields = differences(policies.document_of(before.policy), policies.document_of(after.policy))
    return Compared(before, after, said, list(fields))


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change as a meeting decided it; `state`: proposed, adopted or withdrawn."""

    row: Any
    changes: Sequence[Change]


def _proposed(row: Any, entries: Sequence[PolicyEntry], reader: Reader) -> Proposed:
    """What it would change of the version before it."""
    mine = [e.version for e in entries if e.version.policy.key == row.policy_key]
    before = next((v for v in reversed(mine) if row.version is None or v.version < row.version), None)
    if before is None:
        return Proposed(row, ())
    after = replace(before, policy=Policy.model_validate(row.document))
    return Proposed(row, agreement_text.changes(before, after, reader.now, reader.locale))
