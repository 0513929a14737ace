"""Whether a series can be held as agreed: not begun in the past, by a template of its length, and with nobody and no
room in two meetings at once."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from app.domain.language import LOCALES, moment, text
from app.domain.refusals import Refusal, Refused, refused
from app.domain.series import Meeting, Series
from app.domain.template import Template

FIRST_YEAR, LAST_YEAR = 2000, 2099


@dataclass(frozen=True, slots=True)
class Held:
    """A series with its meetings ahead."""

    series: Series
    ahead: Sequence[Meeting]


def check_first(first: date, before: date | None, today: date) -> None:
    """`before`: as it is stored; what is kept may lie in the past, None: the series is new. Raises Refused."""
    if first == before:
        return
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        raise refused("/first", "year", "The years {first} to {last} are known.", first=FIRST_YEAR, last=LAST_YEAR)
    if first < today:
        raise refused("/first", "in_the_past", "This day is over; write today or a later one.")


def check_template(series: Series, template: Template | None) -> None:
    """`template`: what the company has under the key that the series names. Raises Refused."""
    if not series.template:
        return
    if template is None:
        raise refused("/template", "unknown_template", "There is no agenda template {key}.", key=series.template)
    if template.minutes != series.minutes:
        values = {"key": series.template, "theirs": template.minutes, "minutes": series.minutes}
        raise refused("/template", "another_length", OTHER_LENGTH, **values)


def check_users(template: Template, users: Iterable[Series]) -> None:
    """`users`: the series that are held by the template. Raises Refused if one has not its length."""
    for series in users:
        if series.minutes != template.minutes:
            raise refused("/minutes", "in_use", IN_USE, name=series.name, minutes=series.minutes)


OTHER_LENGTH = "The template {key} is for {theirs} minutes, the meeting takes {minutes}."
IN_USE = "“{name}” is held by this template and takes {minutes} minutes; change the series first."


def check_apart(mine: Held, others: Iterable[Held]) -> None:
    """Raises Refused at every person and room that another series needs at the same time."""
    if found := [refusal for other in others for refusal in _in_both(mine, other)]:
        raise Refused(found)


def clash(a_meetings: Iterable[Meeting], b_meetings: Sequence[Meeting]) -> datetime | None:
    """The first moment at which both are held, UTC; one that begins when the other ends is in nobody's way."""
    starts = (
        max(a.start, b.start) for a in a_meetings for b in b_meetings if a.start < b.end and b.start < a.end
    )  # fmt: skip
    return min(starts, default=None)


def _in_both(mine: Held, other: Held) -> Iterator[Refusal]:
    people = {person.email.casefold() for person in other.series.attendees}
    places = [
        f"/attendees/{n}/email" for n, who in enumerate(mine.series.attendees) if who.email.casefold() in people
    ]  # fmt: skip
    if mine.series.room and _folded(mine.series.room) == _folded(other.series.room):
        places.append("/room")
    at = clash(mine.ahead, other.ahead) if places else None
    if at is not None:
        yield from (_taken(place, at, mine.series, other.series) for place in places)


def _folded(room: str) -> str:
    return "".join(unicodedata.normalize("NFKC", room).casefold().split())


def _taken(place: str, at: datetime, mine: Series, other: Series) -> Refusal:
    code, said = ("room_taken", ROOM_TAKEN) if place == "/room" else ("person_taken", PERSON_TAKEN)
    days = {locale: moment(at, mine.zone, locale, year=True) for locale in LOCALES}
    en, ja = (text(locale, said, other=other.name, time=days[locale]) for locale in ("en", "ja"))
    return Refusal(place, code, en, ja)


ROOM_TAKEN = "“{other}” is in this room at the same time: {time}."
PERSON_TAKEN = "This person is in “{other}” at the same time: {time}."
