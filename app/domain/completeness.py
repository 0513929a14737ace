"""What sales wants in a brief, and how much of it there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from app.domain.agreement import STORABLE
from app.domain.brief import TELEPHONE, said
from app.domain.labels import one_line
from app.domain.refusals import complaint
from app.domain.statistics import Share


class BriefField(StrEnum):
    """What a brief can hold of a lead, besides attributes."""

    COMPANY = "company"
    NAME = "name"
    OWNER = "owner"
    SOURCE = "source"
    CAMPAIGN = "campaign"
    ACTIVITIES = "activities"
    TOPICS = "topics"
    TOUCHES = "touches"
    PHONE_KNOWN = "phone_known"
    EMAIL_KNOWN = "email_known"


#: Message ids.
FIELDS: Mapping[BriefField, str] = {
    BriefField.COMPANY: "Company",
    BriefField.NAME: "Name",
    BriefField.OWNER: "Owner",
    BriefField.SOURCE: "Where it came from",
    BriefField.CAMPAIGN: "Campaign",
    BriefField.ACTIVITIES: "Last activities",
    BriefField.TOPICS: "Topics of interest",
    BriefField.TOUCHES: "Past touches",
    BriefField.PHONE_KNOWN: "Phone number known",
    BriefField.EMAIL_KNOWN: "E-mail address known",
}
#: Before the name of an attribute.
ATTRIBUTE = "attribute:"
USUAL = ("company", "name", f"{ATTRIBUTE}industry", "source", "activities", "topics", "phone_known")


def known_field(written: str) -> str:
    name = one_line(written)
    if name not in FIELDS and not (name.startswith(ATTRIBUTE) and name.removeprefix(ATTRIBUTE).strip()):
        raise complaint("brief_field", _WHICH, fields=", ".join(FIELDS))
    return name


_WHICH = "Choose one of {fields}, or write attribute: and the name of an attribute."
Wish = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(known_field)]


class Wanted(BaseModel):
    """What sales wants to find in a brief. Past touches are left out as shipped: a new lead has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fields: Annotated[tuple[Wish, ...], Field(max_length=30)] = USUAL

    @field_validator("fields")
    @classmethod
    def some_each_once(cls, fields: tuple[str, ...]) -> tuple[str, ...]:
        if not fields:
            raise complaint("brief_fields_needed", "Name one field at least.")
        if twice := [name for name, count in Counter(fields).items() if count > 1]:
            raise complaint("brief_field_twice", "{field} is named twice.", field=twice[0])
        return fields


class Said(BaseModel):
    """What somebody says of a brief, besides whether it helped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    note: Annotated[str, Field(max_length=1000), STORABLE] = ""
    #: Empty: whoever asks.
    by: Annotated[str, Field(max_length=200), AfterValidator(one_line)] = ""


# --- how complete it is


@dataclass(frozen=True, slots=True)
class Known:
    """What there is about one lead."""

    company: str | None = None
    name: str | None = None
    owner: str | None = None
    source: str | None = None
    campaign: str | None = None
    activities: bool = False
    topics: bool = False
    touches: bool = False
    email_known: bool = False
    attributes: Mapping[str, Any] | None = None

    @property
    def phone_known(self) -> bool:
        return any(TELEPHONE.search(name) and said(value) for name, value in (self.attributes or {}).items())

    def has(self, field: str) -> bool:
        if field.startswith(ATTRIBUTE):
            return said((self.attributes or {}).get(field.removeprefix(ATTRIBUTE)))
        return said(getattr(self, field))


@dataclass(frozen=True, slots=True)
class Score:
    """Of one lead's brief."""

    wanted: int
    missing: tuple[str, ...]

    @property
    def present(self) -> int:
        return self.wanted - len(self.missing)


def score(wanted: Wanted, known: Known) -> Score:
    return Score(len(wanted.fields), tuple(field for field in wanted.fields if not known.has(field)))


@dataclass(frozen=True, slots=True)
class Completeness:
    """Of the briefs of many MQLs."""

    #: The version of the wanted fields.
    version: int
    mqls: int
    #: Mean of present ÷ wanted, 0 to 1; None without an MQL.
    average: float | None
    #: Those of which nothing is missing.
    complete: Share
    #: Field → of how many it is missing, the most frequent first.
    missing: tuple[tuple[str, int], ...]
    #: People who found the brief of one of them helpful, of those who said whether.
    helpful: Share


def completeness(version: int, wanted: Wanted, leads: Iterable[Known], helpful: Share) -> Completeness:
    scores = [score(wanted, known) for known in leads]
    missing = Counter(field for each in scores for field in each.missing)
    most_first = sorted(missing.items(), key=lambda entry: (-entry[1], wanted.fields.index(entry[0])))
    present = sum(each.present for each in scores)
    return Completeness(
        version=version,
        mqls=len(scores),
        average=present / (len(scores) * len(wanted.fields)) if scores else None,
        complete=Share(sum(not each.missing for each in scores), len(scores)),
        missing=tuple(most_first),
        helpful=helpful,
    )
