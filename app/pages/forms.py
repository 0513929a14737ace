"""The fields of a form, read one by one; and what a refused form shows again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from app.domain.refusals import Refusal, Refused, refused
from app.pages import posted

#: Characters of a text, unless its field says otherwise.
LONGEST = 4000

Fields = Mapping[str, str]


async def sent(request: Request) -> dict[str, str]:
    """The fields of a form, its lines ended by `\\n`. Raises posted.TooLarge."""
    return {name: value.replace("\r\n", "\n") for name, value in await posted.pairs(request)}


Sent = Annotated[dict[str, str], Depends(sent)]


# --- fields


def words(fields: Fields, name: str, most: int = LONGEST) -> str:
    """What is written there, empty if nothing is. Raises Refused."""
    said = fields.get(name, "").strip()
    if len(said) > most:
        raise refused(f"/{name}", "string_too_long", "May have {max_length} characters at most.", max_length=most)
    if "\x00" in said:
        raise refused(
            f"/{name}", "not_storable", "Holds a character or a number that cannot be stored, such as U+0000."
        )
    return said


def whole(fields: Fields, name: str) -> int | None:
    """None: nothing is written there, or no number that means anything."""
    said = fields.get(name, "").strip()
    return int(said) if said.isascii() and said.isdecimal() and len(said) < 16 else None


def day(fields: Fields, name: str, needed: str) -> date:
    """`needed`: what is said where nothing is written. Raises Refused."""
    said = fields.get(name, "").strip()
    if not said:
        raise refused(f"/{name}", "needed", needed)
    try:
        return date.fromisoformat(said)
    except ValueError:
        raise refused(f"/{name}", "no_date", "Write a date, such as 2026-10-08.") from None


# --- what is shown again


@dataclass(frozen=True, slots=True)
class Attempt:
    """A form that was refused: what was typed, and what to mend. The page shows both in the form of that name."""

    form: str = ""
    typed: Fields = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    #: What somebody else made of it meanwhile.
    theirs: str = ""

    def of(self, form: str) -> bool:
        return bool(form) and self.form == form

    def value(self, form: str, name: str, otherwise: object = "") -> str:
        """What stands in a field."""
        return self.typed.get(name, "") if self.of(form) else str(otherwise)

    def wrong(self, form: str, name: str, locale: str) -> list[str]:
        """What is to be mended in a field."""
        mine = self.refusals if self.of(form) else ()
        return [refusal.message(locale) for refusal in mine if field_of(refusal) == name]

    def besides(self, form: str, names: Collection[str], locale: str) -> list[str]:
        """What is to be mended and stands in none of these fields."""
        mine = self.refusals if self.of(form) else ()
        return [refusal.message(locale) for refusal in mine if field_of(refusal) not in names]


def field_of(refusal: Refusal) -> str:
    """`/attendees/0/email` is the field `attendees-0-email`."""
    return refusal.place.strip("/").replace("/", "-")


def attempt(fields: Fields, why: Refused) -> Attempt:
    """Without its secrets: those are typed anew."""
    shown = {name: value for name, value in fields.items() if name not in posted.SECRETS}
    return Attempt(fields.get("form", ""), shown, why.refusals)


NOTHING = Attempt()
