"""When sales works, in the text of the SLA."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from app.domain.calendar import COMPANY_DAY, WEEKDAYS, Calendar
from app.domain.policy import PolicyVersion
from app.pages.agreement_words import Say


def paragraphs(version: PolicyVersion, say: Say) -> Iterator[str]:
    calendar = version.calendar
    yield say(
        "Calendar {key}, version {number}, time zone {zone}.",
        key=version.policy.calendar, number=version.calendar_version, zone=calendar.time_zone,
    )  # fmt: skip
    yield from hours(calendar, say)
    for key, other in sorted(version.calendars.items()):
        yield say("Calendar of single owners: {key}, time zone {zone}.", key=key, zone=other.time_zone)
        yield from hours(other, say)


def hours(calendar: Calendar, say: Say) -> Iterator[str]:
    """Without its key and time zone."""
    yield say("Open: {hours}.", hours=say.several(_week(calendar, say)))
    if calendar.country:
        where = "-".join(part for part in (calendar.country, calendar.subdivision) if part)
        yield say("Closed on the public holidays of {country}.", country=where)
    if calendar.company_days:
        named = {f"{day}": say(n) if n == COMPANY_DAY else n for day, n in sorted(calendar.company_days.items())}
        days = (say("{words} ({detail})", words=day, detail=name) for day, name in named.items())
        yield say("Closed by the company: {days}.", days=say.several(days))
    if calendar.extra_days:
        extra = {f"{day}": ", ".join(spans) for day, spans in sorted(calendar.extra_days.items())}
        days = (say("{day} {hours}", day=day, hours=hours) for day, hours in extra.items())
        yield say("Open besides: {days}.", days=say.several(days))


def _week(calendar: Calendar, say: Say) -> Iterator[str]:
    """Days in a row with the same hours stand together."""
    open_on = [(day, ", ".join(calendar.weekly.get(day, []))) for day in WEEKDAYS]
    for hours, run in groupby(open_on, key=lambda one: one[1]):
        days = [say(day.value) for day, _ in run]
        if hours:
            yield say("{day} {hours}", day=days[0] if len(days) == 1 else f"{days[0]}–{days[-1]}", hours=hours)
