"""Why a handoff has its verdict, complete and in both tongues: what a person needs to check it by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from app.domain.agenda import on_clock
from app.domain.calendar import ClockKind, working_time
from app.domain.clock import Terms, had_a_chance_until, plain_receipt, plain_terms
from app.domain.deadline import Receipt, receipt_lines
from app.domain.delays import Delays, Journey, delays, journey
from app.domain.language import LOCALES
from app.domain.ownership import Tenure, tenures
from app.domain.policy import BEGINNING, Policies, PolicyVersion
from app.domain.rules import Finding, explain_finding, explain_rule
from app.domain.touches import Act
from app.flows import dossier, lists, told
from app.flows.dossier import Dossier, NoSuchHandoff

#: Locale → the same said in it.
Words = dict[str, Any]
#: Alerts written out; a handoff owes a few at most.
ALERTS = 200


@dataclass(frozen=True, slots=True)
class Ownership:
    """One owner's time with the handoff, and how much of the clock ran meanwhile."""

    tenure: Tenure
    #: Until the follow-up or now, on the policy's clock.
    used: timedelta


@dataclass(frozen=True, slots=True)
class Explanation:
    #: The row as in `lists.handoffs`.
    handoff: Any
    dossier: Dossier
    #: The rule in words.
    rule: Words
    #: What each of the dossier's reasons found, in words.
    findings: tuple[Words, ...]
    #: The receipt, line by line.
    receipt: Words
    owners: tuple[Ownership, ...]
    #: Oldest first.
    alerts: tuple[Any, ...]
    journey: Journey
    #: On the policy's clock.
    delays: Delays
    #: The deadline as it was for a person whom the tools told late.
    due_effective_at: datetime

    @property
    def touches(self) -> tuple[Act, ...]:
        """What sales did, and whether each counts."""
        return self.dossier.acts


def explain(c: Connection, policies: Policies, handoff_id: int, now: datetime) -> Explanation:
    """Raises NoSuchHandoff."""
    row = lists.handoff(c, handoff_id)
    if row is None:
        raise NoSuchHandoff(handoff_id)
    file = dossier.read(c, policies, handoff_id, now)
    zone = file.version.calendar.zone
    went = _journey(c, file, row.lead_id)
    owed = lists.alerts(c, handoff_id=handoff_id, limit=ALERTS).rows
    return Explanation(
        handoff=row,
        dossier=file,
        rule=_in_words(lambda locale: explain_rule(policies.by_id[file.episode.policy_id].policy.rule, locale)),
        findings=tuple(_finding_in_words(reason.finding) for reason in file.reasons),
        receipt=_in_words(lambda locale: receipt_lines(file.receipt, zone, locale)),
        owners=tuple(_owners(c, file, row.lead_id, now)),
        alerts=tuple(reversed(owed)),
        journey=went,
        delays=delays(went, now, partial(on_clock, file.version)),
        due_effective_at=had_a_chance_until(file.episode, file.due_at, file.version),
    )


def _journey(c: Connection, file: Dossier, lead_id: int) -> Journey:
    """A handoff without a verdict yet was decided just now, as far as anybody knows."""
    decided_at = file.changes[0].known_at if file.changes else file.episode.visible_at
    return journey(file.episode, decided_at, dossier.first_told_by_sales(c, lead_id))


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """Until a deadline, negative after it."""

    wall: timedelta
    #: As the policy's clock counts.
    policy: timedelta


def time_left(version: PolicyVersion, due_at: datetime, now: datetime) -> TimeLeft:
    if now <= due_at:
        return TimeLeft(due_at - now, on_clock(version, now, due_at))
    return TimeLeft(due_at - now, -on_clock(version, due_at, now))


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline with how it came about."""

    terms: Terms
    receipt: Receipt
    #: The receipt, line by line.
    words: Words


def deadline_of(qualified_at: datetime, version: PolicyVersion) -> Deadline:
    """What a lead that qualified then would get under this version."""
    computed = plain_receipt(qualified_at, version)
    words = _in_words(lambda locale: receipt_lines(computed, version.calendar.zone, locale))
    return Deadline(plain_terms(qualified_at, version), computed, words)


def version_at(known: Policies, key: str, at: datetime) -> PolicyVersion | None:
    """The version that a lead would get that becomes MQL then; before the first one, that. None: no such policy."""
    versions = [version for version in known.versions if version.policy.key == key]
    begun = [version for version in versions if (version.effective_from or BEGINNING) <= at]
    return next(iter([*reversed(begun), *versions]), None)


def _in_words(say: Callable[[str], Any]) -> Words:
    return {locale: say(locale) for locale in LOCALES}


def _finding_in_words(finding: Finding) -> Words:
    return _in_words(lambda locale: explain_finding(finding, locale))


def _owners(c: Connection, file: Dossier, lead_id: int, now: datetime) -> list[Ownership]:
    episode = file.episode
    stopped = max(episode.touch.at, episode.qualified_at) if episode.touch else now
    found = tenures(told.ledger_of(c, lead_id), episode)
    return [Ownership(tenure, _used(file, tenure, stopped)) for tenure in found]


def _used(file: Dossier, tenure: Tenure, stopped: datetime) -> timedelta:
    end = min(tenure.until or stopped, stopped)
    if end <= tenure.since:
        return timedelta()
    if file.version.policy.clock is ClockKind.ELAPSED:
        return end - tenure.since
    return working_time(file.version.calendar_of(tenure.owner), tenure.since, end)
