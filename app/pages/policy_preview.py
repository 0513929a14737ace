"""What a changed agreement would do, as its form shows it: the text, deadlines of leads, clocks that move, counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from app.domain import examples
from app.domain.clock import plain_terms
from app.domain.policy import Policies, PolicyVersion
from app.flows import drafts, publish, what_if
from app.flows.drafts import Preview
from app.flows.what_if import Recent, Trial
from app.pages import agreement_text
from app.pages.agreement_text import Change
from app.pages.policy_typed import Wanted
from app.pages.rendering import Reader

#: Leads that are shown.
LEADS = 5


@dataclass(frozen=True, slots=True)
class Due:
    """A lead with its deadline under the newest version and under the changed one; None: no clock."""

    start: datetime
    before: datetime | None
    after: datetime | None
    #: A message id for an example; otherwise it is this lead.
    words: str = ""
    lead: Recent | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    wanted: Wanted
    preview: Preview
    changes: Sequence[Change]
    #: Leads as they may come, and those that came last.
    examples: Sequence[Due]
    leads: Sequence[Due]
    #: None: which leads are MQL stays as it is.
    trial: Trial | None


def shown(c: Connection, known: Policies, newest: PolicyVersion, wanted: Wanted, reader: Reader) -> Shown:
    """Raises Refused."""
    now = reader.now
    preview = publish.preview_policy(
        c, wanted.policy, now=now, effective_from=wanted.effective_from, migrate_open=wanted.migrate_open
    )
    draft = drafts.draft_of(c, known, wanted.policy, max(wanted.effective_from or now, now))
    return Shown(
        wanted,
        preview,
        agreement_text.changes(newest, draft, now, reader.locale),
        [_due(each.at, newest, draft, words=each.words) for each in examples.arrivals(draft.calendar, now)],
        [_due(lead.qualified_at, newest, draft, lead=lead) for lead in what_if.last_leads(c, newest.policy.key, LEADS)],
        _trial(c, known, newest, draft, reader),
    )


def _due(
    start: datetime, newest: PolicyVersion, draft: PolicyVersion, words: str = "", lead: Recent | None = None
) -> Due:
    before, after = (plain_terms(start, each).due_at if each.policy.enabled else None for each in (newest, draft))
    return Due(start, before, after, words, lead)


def _trial(c: Connection, known: Policies, newest: PolicyVersion, draft: PolicyVersion, reader: Reader) -> Trial | None:
    same = [(each.policy.rule, each.policy.enabled) for each in (newest, draft)]
    if same[0] == same[1]:
        return None
    return what_if.tried(c, known, draft, what_if.last_month(reader.zone, reader.now), reader.now)
