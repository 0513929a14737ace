"""A calendar in a form: what stands in its fields, and the calendar that they ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from app.domain.calendar import COMPANY_DAY, WEEKDAYS, Calendar
from app.domain.refusals import Refusal, Refused, refused, validated
from app.pages import forms
from app.pages.forms import Fields

FORM = "calendar"
WEEK = tuple(f"weekly-{day}" for day in WEEKDAYS)
#: Fields of the form; what is to be mended elsewhere stands above it.
FIELDS = (*WEEK, "time_zone", "country", "subdivision", "company_days", "extra_days")
#: Characters of the lists of days.
LONGEST = 20_000
LINE = re.compile(r"(\d{4}-\d{2}-\d{2})\s*(.*)")


def as_typed(calendar: Calendar, version: int) -> dict[str, str]:
    """The form of a version that nobody has changed yet."""
    named = {day: "" if name == COMPANY_DAY else name for day, name in sorted(calendar.company_days.items())}
    extra = sorted(calendar.extra_days.items())
    week = {f"weekly-{day}": ", ".join(calendar.weekly.get(day, [])) for day in WEEKDAYS}
    return week | {
        "based_on": f"{version}",
        "time_zone": calendar.time_zone,
        "country": calendar.country or "",
        "subdivision": calendar.subdivision or "",
        "company_days": "\n".join(f"{day} {name}".strip() for day, name in named.items()),
        "extra_days": "\n".join(f"{day} {', '.join(spans)}" for day, spans in extra),
    }


def read(sent: Fields, base: Calendar) -> Calendar:
    """`base`: which calendar it is, and the public holidays that it knows. Raises Refused; places are the form's
    fields."""
    country, subdivision = (forms.words(sent, name, 60) or None for name in ("country", "subdivision"))
    same = (country, subdivision) == (base.country, base.subdivision)
    document: dict[str, Any] = {
        "key": base.key,
        "time_zone": forms.words(sent, "time_zone", 100),
        "weekly": {day.value: spans for day in WEEKDAYS if (spans := _spans(forms.words(sent, f"weekly-{day}", 200)))},
        "country": country,
        "subdivision": subdivision,
        "holidays": dict(base.holidays) if same else {},
        "company_days": dict(_lines(sent, "company_days")),
        "extra_days": {day: _spans(hours) for day, hours in _lines(sent, "extra_days")},
    }
    try:
        return validated(Calendar, document)
    except Refused as why:
        raise beside(why) from None


def _spans(written: str) -> list[str]:
    """`09:00-12:00, 13:00-18:00`, with the commas of either language."""
    return [span.strip() for span in re.split(r"[,、，]", written) if span.strip()]


def _lines(sent: Fields, name: str) -> Iterator[tuple[str, str]]:
    """Day by day. Raises Refused."""
    known: set[str] = set()
    for number, line in enumerate(forms.words(sent, name, LONGEST).split("\n"), 1):
        if not line.strip():
            continue
        found = LINE.fullmatch(line.strip())
        if found is None:
            message = "Line {number}: begin with the day, such as 2026-12-29, and go on with a blank."
            raise refused(f"/{name}", "no_day", message, number=number)
        if found[1] in known:
            raise refused(f"/{name}", "twice", "Line {number}: {day} stands there twice.", number=number, day=found[1])
        known.add(found[1])
        yield found[1], found[2]


def beside(why: Refused) -> Refused:
    """Each in the field that it is about."""
    return Refused([replace(each, place=_field(each)) for each in why.refusals])


def _field(refusal: Refusal) -> str:
    parts = refusal.place.split("/")
    if refusal.place == "/weekly":
        return f"/{WEEK[0]}"
    return "/" + "-".join(parts[1:3]) if parts[1:2] == ["weekly"] else "/".join(parts[:2])
