"""Marketing hears in the evening what became of its leads: each milestone in one day's digest, in no other.

What is told is written down in the transaction that owes the message, so that neither a crash nor a second process
loses or doubles it; what the tools tell late, or what an import brings to light, is in the next digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from app.db import Database
from app.domain import outcomes as decide
from app.domain.agreement import AlertReason
from app.domain.calendar import Calendar
from app.domain.language import text
from app.domain.outcomes import HISTORY, WORDS, Group, Milestone, due_digest, grouped, reason_in_words
from app.domain.policy import Policies, Policy
from app.flows import outcomes
from app.flows import policies as versions
from app.flows.lately import chunks
from app.flows.messages import who
from app.flows.policies import newest_calendar
from app.models import Alert, OutcomeDigest, ToldOutcome
from app.notify.contract import Link, Message
from app.settings import Settings

SUBJECT = "outcomes"
#: Handoffs of one kind that an e-mail names; the others are counted.
NAMED = 20

Route = tuple[str, str]


def owe(database: Database, cache: versions.Cache, settings: Settings, now: datetime) -> int:
    """Owe the digest of today, if it is due and nobody has; returns how many messages."""
    with database.read() as c:
        calendar = newest_calendar(c, "default")[2]
        day = due_digest(calendar, settings.zone, now)
        if day is None or _made(c, day) or not recipients(cache.read(c), now):
            return 0
    with database.write() as c:
        return _make(c, day, cache.read(c), calendar, settings, now)


def _made(c: Connection, day: date) -> bool:
    return c.scalar(select(OutcomeDigest.day).where(OutcomeDigest.day == day)) is not None


def _make(c: Connection, day: date, policies: Policies, calendar: Calendar, settings: Settings, now: datetime) -> int:
    """Whoever writes the day makes it; another process that tries meanwhile waits, and finds it made."""
    dialect: Any = sqlite if c.dialect.name == "sqlite" else postgresql
    begun = dialect.insert(OutcomeDigest).values(day=day, made_at=now).on_conflict_do_nothing()
    if not c.execute(begun).rowcount:
        return 0
    routes = recipients(policies, now)
    told = [each for each in untold(c, now) if _key(policies, each) in routes]
    if told:
        rows = [{"lead_id": m.lead.id, "number": m.number, "key": m.key, "day": day} for m in _each_once(told)]
        c.execute(insert(ToldOutcome), rows)
    wanted = sorted({route for each in told for route in routes[_key(policies, each)]})
    not_before = decide.send_digest_at(day, calendar, settings.zone, now)
    owed = {"subject": f"{SUBJECT}:{day}", "reason": AlertReason.OUTCOMES.value, "state": "owed", "attempts": 0}
    moments = {"owed_at": now, "not_before": not_before}
    if wanted:
        c.execute(insert(Alert), [owed | moments | {"channel": channel, "recipient": to} for channel, to in wanted])
    return len(wanted)


def _each_once(told: Iterable[Milestone]) -> Iterable[Milestone]:
    return {each.place: each for each in told}.values()


def recipients(policies: Policies, now: datetime) -> dict[str, set[Route]]:
    """Key of a policy → channel and address of those who hear what became of its leads; policies without any are left
    out. One that is switched off still has leads that something becomes of."""
    found = {}
    for version in (*policies.turned_off(now), *policies.in_force(now)):
        if routes := set(_routes(version.policy)):
            found[version.policy.key] = routes
    return found


def _routes(policy: Policy) -> Iterator[Route]:
    if policy.marketing.email:
        yield ("email", policy.marketing.email)
    for route in policy.alerts:
        if AlertReason.OUTCOMES in route.on and route.to != "owner":
            yield (route.channel, route.to)


def _key(policies: Policies, milestone: Milestone) -> str:
    return policies.by_id[milestone.policy_id].policy.key


def untold(c: Connection, now: datetime) -> list[Milestone]:
    """What became of handoffs lately and is in no digest yet."""
    found = outcomes.since(c, now - HISTORY)
    known: set[tuple[int, int, str]] = set()
    for chunk in chunks(each.lead.id for each in found):
        known |= _places(c, ToldOutcome.lead_id.in_(chunk))
    return [each for each in found if each.place not in known]


def _places(c: Connection, which: ColumnElement[bool]) -> set[tuple[int, int, str]]:
    """Milestone.place of what was told."""
    told = c.execute(select(ToldOutcome.lead_id, ToldOutcome.number, ToldOutcome.key).where(which))
    return {(row.lead_id, row.number, row.key) for row in told}


def news(c: Connection, policies: Policies, alert: Any, now: datetime) -> list[Milestone]:
    """What the alert's recipient hears that day, without what turned out not to be so since."""
    day = date.fromisoformat(alert.subject.partition(":")[2])
    told = _places(c, ToldOutcome.day == day)
    routes, route = recipients(policies, now), (alert.channel, alert.recipient)
    standing = [each for each in outcomes.of_leads(c, {lead_id for lead_id, *_ in told}) if each.place in told]
    return [each for each in standing if route in routes.get(_key(policies, each), ())]


# The words


def message(c: Connection, policies: Policies, alert: Any, settings: Settings, now: datetime) -> Message:
    """How many became what, and why; an e-mail names the leads, a channel that many read does not."""
    told = news(c, policies, alert, now)
    return in_words(told, f"alert-{alert.alert_id}", settings, settings.locale, named=alert.channel == "email")


def in_words(told: Sequence[Milestone], reference: str, settings: Settings, locale: str, *, named: bool) -> Message:
    """`named`: with the leads' names."""
    groups = grouped(told)
    parts = _list((_count(group, locale) for group in groups), locale)
    return Message(
        reference=reference,
        title=text(locale, "What became of your leads: {parts}", parts=parts),
        fields=tuple((text(locale, WORDS[group.became]), _line(group, locale, named=named)) for group in groups),
        links=(Link(text(locale, "Open the list"), f"{settings.public_url}/"),),
        locale=locale,
    )


def _count(group: Group, locale: str) -> str:
    return f"{text(locale, WORDS[group.became])} {len(group.milestones)}"


def _line(group: Group, locale: str, *, named: bool) -> str:
    """`2件(基準外 1・時期尚早 1)`, and in an e-mail a line for each lead."""
    reasons = _list((f"{reason} {count}" for reason, count in group.reasons(locale)), locale)
    count = text(locale, "{count} in all", count=len(group.milestones))
    head = text(locale, "{words} ({detail})", words=count, detail=reasons) if reasons else count
    if not named:
        return head
    lines = [_named(group, each, locale) for each in group.milestones[:NAMED]]
    more = len(group.milestones) - NAMED
    return "\n".join([head, *lines, *([text(locale, "and {count} more", count=more)] if more > 0 else [])])


def _named(group: Group, each: Milestone, locale: str) -> str:
    name = " ".join(who(each.lead, locale).split())
    if group.became not in decide.REASONED:
        return name
    return text(locale, "{words} ({detail})", words=name, detail=reason_in_words(each.reason, locale))


def _list(parts: Iterable[str], locale: str) -> str:
    return ("・" if locale == "ja" else ", ").join(parts)
