"""The SLA as a text to read, written from the policy itself: what it says and what is done cannot differ.

Every field of a policy has its words here; two versions differ in the text where they differ in the rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.domain.calendar import ClockKind
from app.domain.clock import plain_receipt
from app.domain.deadline import receipt_lines
from app.domain.language import moment
from app.domain.policy import Policy, PolicyVersion
from app.domain.rules import explain_rule
from app.pages import agreement_calendar, agreement_notices
from app.pages.agreement_words import BURSTS, CHANNELS, STATUSES, Say, amount, within

#: A deadline is best understood by a lead that comes just before the weekend.
EXAMPLE_WEEKDAY, EXAMPLE_HOUR, EXAMPLE_MINUTE = 4, 17, 30


@dataclass(frozen=True, slots=True)
class Section:
    """Its words are final."""

    key: str
    title: str
    paragraphs: tuple[str, ...]
    #: Line by line, as a receipt.
    example: tuple[str, ...] = ()


def sections(version: PolicyVersion, on: datetime, locale: str) -> list[Section]:
    """`on`: the example begins on the first Friday from then on."""
    policy, say = version.policy, Say(locale)
    heading, lines = _example(version, on, say)
    made = [
        _section("who", "Which leads", _who(policy, say), say),
        _section("clock", "Until when", [*_clock(policy, say), heading], say, lines),
        _section("follow-up", "What counts as a follow-up", _follow_ups(policy, say), say),
        _section("notices", "Warnings and notices", agreement_notices.paragraphs(policy, say), say),
        _section("calendar", "Working calendar", agreement_calendar.paragraphs(version, say), say),
        _section("exceptions", "Exceptions", _exceptions(policy, say), say),
        _section("marketing", "What marketing owes", _marketing(policy, say), say),
        _section("sales", "What sales owes", _sales(policy, say), say),
    ]
    return [section for section in made if section.paragraphs]


def _section(key: str, title: str, paragraphs: Iterable[str], say: Say, lines: Sequence[str] = ()) -> Section:
    return Section(key, say(title), tuple(paragraphs), tuple(lines))


# --- which leads


def _who(policy: Policy, say: Say) -> Iterator[str]:
    yield say("Agreement “{name}” ({key}).", name=policy.name, key=policy.key)
    if not policy.enabled:
        yield say("It is switched off: no new lead falls under it.")
    yield say("A lead is handed to sales as MQL when: {rule}.", rule=explain_rule(policy.rule, say.locale))
    if policy.exclude is not None:
        yield say(
            "There is no clock for leads of which this holds: {rule}.", rule=explain_rule(policy.exclude, say.locale)
        )
    yield say("Agreements are tried by rank, the lowest first; this one has rank {rank}.", rank=policy.rank)
    yield say(
        "A lead that was given back qualifies again after {days} days at the earliest, on what it does after that.",
        days=amount(policy.cool_down_days),
    )


# --- until when


def _clock(policy: Policy, say: Say) -> Iterator[str]:
    yield say(
        "Sales follows up {target} of the lead becoming MQL.",
        target=within(policy.clock, policy.target, say),
    )
    if policy.reassignment == "restart":
        yield say("For a new owner the clock begins again, {n} times at most.", n=policy.restarts_at_most)
    else:
        yield say("A new owner takes over the running clock.")
    for owner, calendar in sorted(policy.owner_calendars.items()):
        yield say("The time of {owner} is counted by the calendar {calendar}.", owner=owner, calendar=calendar)
    if policy.next_response_hours is not None:
        message = "A lead that was met and comes back is answered {target}."
        clock = ClockKind.ELAPSED if policy.clock is ClockKind.ELAPSED else ClockKind.BUSINESS_HOURS
        yield say(message, target=within(clock, policy.next_response_hours, say))


def _example(version: PolicyVersion, on: datetime, say: Say) -> tuple[str, list[str]]:
    zone = version.calendar.zone
    local = on.astimezone(zone)
    friday = local + timedelta(days=(EXAMPLE_WEEKDAY - local.weekday()) % 7)
    at = friday.replace(hour=EXAMPLE_HOUR, minute=EXAMPLE_MINUTE, second=0, microsecond=0)
    receipt = plain_receipt(at, version)
    told = say(
        "Example: MQL on {start} – due {due}.",
        start=moment(at, zone, say.locale), due=moment(receipt.due, zone, say.locale),
    )  # fmt: skip
    return told, receipt_lines(receipt, zone, say.locale)


# --- what counts


def _follow_ups(policy: Policy, say: Say) -> Iterator[str]:
    agreed = policy.follow_ups
    if agreed.channels:
        kinds = say.several(say(CHANNELS[channel]) for channel in agreed.channels)
        yield say("The clock stops when a person contacts the lead by: {kinds}.", kinds=kinds)
    else:
        yield say("No contact by itself stops the clock.")
    if agreed.dispositions:
        yield say("A decision of sales counts as well: SQL, opportunity, disqualified, or given back with a reason.")
    else:
        yield say("A decision of sales alone does not count.")
    if agreed.statuses:
        told = say.several(say(STATUSES[status]) for status in agreed.statuses)
        yield say("So does a move into one of these statuses, where nothing else was recorded: {told}.", told=told)
    else:
        yield say("A change of status alone does not count.")
    if agreed.earlier_contact_days:
        days = amount(agreed.earlier_contact_days)
        yield say("A contact up to {days} days before the lead became MQL counts, too.", days=days)
    else:
        yield say("A contact before the lead became MQL does not count.")
    yield say("Only what the lead's owner did counts.") if agreed.owner_only else say("Anybody of sales may do it.")
    yield say("Automated mail, a change of owner and edited fields never count.")


# --- out of the ordinary


def _exceptions(policy: Policy, say: Say) -> Iterator[str]:
    yield say("A pause ends after {days} days at the latest.", days=amount(policy.longest_pause_days))
    yield say(
        "If another agreement comes to hold and shortens a running deadline, {minutes} minutes are left at least.",
        minutes=amount(policy.notice_minutes),
    )
    kept = "If that one no longer holds, the shorter deadline stays."
    yield say(kept) if policy.tier_falls == "keep" else say("If that one no longer holds, the longer deadline is back.")
    yield say(
        "What the tools told us late is marked: a person has a chance for {minutes} minutes after we could know.",
        minutes=amount(policy.grace_minutes),
    )
    bursts = policy.bursts
    yield say(
        "More than {leads} leads of one source within {minutes} minutes are a burst: {handling}.",
        leads=f"{bursts.leads:,}", minutes=amount(bursts.minutes),
        handling=say(BURSTS[bursts.handling], n=f"{bursts.per_day:,}"),
    )  # fmt: skip


# --- who owes what


def _marketing(policy: Policy, say: Say) -> Iterator[str]:
    owed = policy.marketing
    if owed.answer_hours is not None:
        target = within(owed.clock, owed.answer_hours, say)
        yield say("Marketing answers a rejection {target}.", target=target)
    else:
        yield say("There is no time limit for marketing's answer to a rejection.")
    if owed.brief:
        fields = say.several(owed.brief)
        when = within(owed.clock, owed.brief_hours, say) if owed.brief_hours else say("at the hand-over")
        yield say("Marketing tells sales of every lead {when}: {fields}.", fields=fields, when=when)
    if owed.email:
        yield say("{address} hears when marketing is late.", address=owed.email)


def _sales(policy: Policy, say: Say) -> Iterator[str]:
    yield say("Sales gives a reason with every lead that it gives back.")
    for team, members in sorted(policy.teams.items()):
        yield say("Team {team}: {members}.", team=team, members=say.several(members))


# --- between two versions


@dataclass(frozen=True, slots=True)
class Change:
    """Paragraphs of a section that one of the two does not have."""

    title: str
    gone: tuple[str, ...]
    new: tuple[str, ...]


def changes(before: PolicyVersion, after: PolicyVersion, on: datetime, locale: str) -> list[Change]:
    """Section by section; those that say the same are left out."""
    old, new = ({s.key: s for s in sections(version, on, locale)} for version in (before, after))
    found = [_change(old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new])]
    return [change for change in found if change.gone or change.new]


def _change(old: Section | None, new: Section | None) -> Change:
    was, now = (section.paragraphs if section else () for section in (old, new))
    title = (new or old or Section("", "", ())).title
    return Change(title, tuple(p for p in was if p not in now), tuple(p for p in now if p not in was))
