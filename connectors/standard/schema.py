"""The JSON that Tasuki itself speaks: one model per kind of event, and the check that every connector's events pass."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationInfo,
    field_validator,
    model_validator,
)

from connectors.contract import EMAIL, CanonicalEvent, EventKind, LeadStatus, Outcome

#: Characters. Longer keys and ids do not fit into a database index.
ID_LENGTH = 500
LARGEST_NUMBER = 10**18


def storable(text: str) -> str:
    """No database stores these two, although JSON can spell them."""
    if "\x00" in text:
        raise ValueError("holds a NUL character, which cannot be stored")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("holds half of a surrogate pair, which is not a character")
    return text


def id_text(value: Any) -> Any:
    """Many tools number their records: 51 and "51" are the same id."""
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**ID_LENGTH:
            raise ValueError(f"an id has at most {ID_LENGTH} characters")
        return str(value)
    return value.strip() if isinstance(value, str) else value


def blank_is_absent(value: Any) -> Any:
    """A template whose field was empty sends an empty text."""
    return None if isinstance(value, str) and not value.strip() else value


def number(value: Any) -> Any:
    """A finite number; templates of some tools send it as text."""
    if isinstance(value, str) and re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,15})?", value.strip(), re.ASCII):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic gathers ValueError only
    if not abs(value) <= LARGEST_NUMBER:  # not a number (NaN) is not smaller either
        raise ValueError("must be a number between -1e18 and 1e18")
    return value


def scalar(value: Any) -> Any:
    """What a rule can compare: text, number, true, false or null."""
    if isinstance(value, str):
        return storable(value)
    if value is not None and not isinstance(value, bool | int | float):
        raise ValueError("must be text, a number, true, false or null")
    return value if value is None or isinstance(value, bool) else number(value)


def instant(value: Any) -> datetime:
    """RFC 3339 with its zone, as UTC; the zone is never guessed."""
    if not isinstance(value, str):
        raise ValueError("must be a time written as text, like 2026-09-24T17:30:00+09:00")  # noqa: TRY004 - as above
    try:
        at = datetime.fromisoformat(value.strip().upper())
    except ValueError:
        raise ValueError("must be a time like 2026-09-24T17:30:00+09:00") from None
    if at.tzinfo is None:
        raise ValueError("has no time zone; write it like 2026-09-24T17:30:00+09:00 or 2026-09-24T08:30:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999") from None


def address(value: str) -> str:
    """An e-mail address without blanks around it and in lower case, so that it can be compared."""
    local, at, domain = value.strip().lower().partition("@")
    if not (local and at and domain) or "@" in domain or any(c.isspace() for c in local + domain):
        raise ValueError("must be an e-mail address like sato@example.jp")
    return f"{local}@{domain}"


def web_address(value: str) -> str:
    """People will click on it, so it must be http or https."""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("must be an address that begins with https:// or http://")
    return value


def not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


Text = Annotated[str, AfterValidator(storable)]
Reason = Annotated[Text, AfterValidator(not_blank)]
Id = Annotated[str, Field(min_length=1, max_length=ID_LENGTH), BeforeValidator(id_text), AfterValidator(storable)]
OptionalId = Annotated[Id | None, BeforeValidator(blank_is_absent)]
Number = Annotated[int | float, BeforeValidator(number)]
Scalar = Annotated[str | int | float | bool | None, BeforeValidator(scalar)]
Instant = Annotated[datetime, BeforeValidator(instant)]
OptionalInstant = Annotated[Instant | None, BeforeValidator(blank_is_absent)]
Email = Annotated[str, Field(max_length=ID_LENGTH), AfterValidator(storable), AfterValidator(address)]
OptionalEmail = Annotated[Email | None, BeforeValidator(blank_is_absent)]
OptionalUrl = Annotated[Annotated[Text, AfterValidator(web_address)] | None, BeforeValidator(blank_is_absent)]


class Exact(BaseModel):
    """A misspelt key is an error with a place, never a silently missing value."""

    model_config = ConfigDict(extra="forbid")


# --- data: the keys of `CanonicalEvent.data`, kind by kind ------------------------------------------------------


class LeadData(Exact):
    name: Text | None = Field(None, description="The person's name.", examples=["山田 太郎"])
    company: Text | None = Field(None, description="The person's company.", examples=["株式会社みなと精機"])
    attributes: dict[Text, Scalar] | None = Field(
        None,
        description="Anything rules may ask for: text, number, true, false or null.",
        examples=[{"industry": "製造", "employees": 320}],
    )
    url: OptionalUrl = Field(
        None,
        description="The record in your tool, for the link in alerts.",
        examples=["https://crm.example.jp/leads/51"],
    )


class ScoreData(Exact):
    score: Number = Field(description="The score after the change, not the difference.", examples=[82])


class ActivityData(Exact):
    activity: Text = Field(
        min_length=1,
        description="What the lead did: download, form, seminar, visit, or a word of your own.",
        examples=["download"],
    )
    asset: Text | None = Field(None, description="Which one; rules count different assets by it.", examples=["wp-07"])
    title: Text | None = Field(None, description="Its name for people.", examples=["導入事例集 2026"])
    topics: list[Text] | None = Field(None, description="What it was about.", examples=[["原価管理"]])


class OwnerData(Exact):
    owner: OptionalId = Field(
        description="The id or name of the user in your tool; null when nobody owns the lead.", examples=["u-204"]
    )
    name: Text | None = Field(None, description="The owner's name for people.", examples=["佐藤 花子"])
    email: OptionalEmail = Field(None, description="Where alerts for the owner go.", examples=["sato@example.jp"])


class StatusData(Exact):
    status: LeadStatus | None = Field(description="The canonical status; null when the tool's word is not mapped.")
    raw: Text = Field(min_length=1, description="The tool's own word.", examples=["対応中"])


class FollowUpData(Exact):
    channel: Literal["call", "email", "meeting", "other"] = Field(description="How.", examples=["call"])
    automated: bool = Field(
        description="true when a machine did it, like a nurturing mail: that is no follow-up.", examples=[False]
    )
    by: Text | None = Field(None, description="Who did it.", examples=["佐藤 花子"])
    outcome: Text | None = Field(None, description="What came of it, in your tool's words.", examples=["connected"])
    subject: Text | None = Field(None, description="What it was about.", examples=["資料のご案内"])


class DispositionData(Exact):
    outcome: Outcome = Field(description="What sales decided.", examples=["rejected"])
    reason: Text | None = Field(None, description="Why.", examples=["予算なし"])
    by: Text | None = Field(None, description="Who decided.", examples=["佐藤 花子"])


class OpportunityData(Exact):
    opportunity: Id = Field(description="Its id in your tool.", examples=["opp-9001"])
    state: Literal["open", "won", "lost"] = Field(description="Where it stands.", examples=["open"])
    stage: Text | None = Field(None, description="The stage in your tool's words.", examples=["提案"])
    amount: Number | None = Field(None, description="In your currency.", examples=[1200000])
    name: Text | None = Field(None, description="Its name for people.", examples=["みなと精機 原価管理"])


class RetractedData(Exact):
    reason: Text | None = Field(None, description="Why the record was deleted.", examples=["取引先違い"])
    by: Text | None = Field(None, description="Who deleted it.", examples=["佐藤 花子"])


class PauseData(Exact):
    reason: Reason = Field(description="Why the lead is to wait.", examples=["20日に改めて電話してほしいとのこと"])
    until: OptionalInstant = Field(
        None,
        description="When the wait ends, RFC 3339 with zone; without it the policy's longest pause counts.",
        examples=["2026-10-20T10:00:00+09:00"],
    )
    by: Text | None = Field(None, description="Who agreed to it.", examples=["佐藤 花子"])


class ResumeData(Exact):
    by: Text | None = Field(None, description="Who ended the wait.", examples=["佐藤 花子"])


class AnswerData(Exact):
    text: Text | None = Field(None, description="What marketing answered.", examples=["予算は来期に確保予定です"])
    by: Text | None = Field(None, description="Who answered.", examples=["鈴木 一郎"])


class AcknowledgedData(Exact):
    by: Text | None = Field(None, description="Who takes care of it.", examples=["佐藤 花子"])
    until: OptionalInstant = Field(
        None,
        description="Until when nobody needs a reminder, RFC 3339 with zone; without it the policy's time counts.",
        examples=["2026-09-24T12:00:00+09:00"],
    )


#: The kinds that a source may tell. TERMS is Tasuki's own and never comes from outside.
DATA: dict[EventKind, type[Exact]] = {
    EventKind.LEAD: LeadData,
    EventKind.SCORE: ScoreData,
    EventKind.ACTIVITY: ActivityData,
    EventKind.OWNER: OwnerData,
    EventKind.STATUS: StatusData,
    EventKind.FOLLOW_UP: FollowUpData,
    EventKind.DISPOSITION: DispositionData,
    EventKind.OPPORTUNITY: OpportunityData,
    EventKind.RETRACTED: RetractedData,
    EventKind.PAUSE: PauseData,
    EventKind.RESUME: ResumeData,
    EventKind.ANSWER: AnswerData,
    EventKind.ACKNOWLEDGED: AcknowledgedData,
}


# --- events: what a sender posts --------------------------------------------------------------------------------


class LeadRef(Exact):
    """Whom the event is about; at least one of the three."""

    id: OptionalId = Field(None, description="The lead's id in your tool.", examples=["L-1024"])
    email: OptionalEmail = Field(None, description="The lead's address.", examples=["yamada@example.co.jp"])
    ids: dict[Id, OptionalId] = Field(
        default_factory=dict,
        description="Ids under which other tools know the lead, by system.",
        examples=[{"hubspot": "51"}],
    )

    @model_validator(mode="after")
    def somebody(self) -> LeadRef:
        if not (self.id or self.email or any(self.ids.values())):
            raise ValueError("needs at least one of id, email and ids")
        if EMAIL in self.ids:
            raise ValueError("names an address in ids; write it as email")
        return self


class Common(Exact):
    id: OptionalId = Field(
        None,
        description="Your id of this fact: the same fact keeps its id however often you send it. "
        "Without one, events that are equal in every key are one event.",
        examples=["act-55012"],
    )
    occurred_at: Instant = Field(
        description="When it happened, RFC 3339 with zone.", examples=["2026-09-24T17:30:00+09:00"]
    )
    recorded_at: Instant | None = Field(
        None, description="When somebody wrote it down.", examples=["2026-09-24T18:05:00+09:00"]
    )
    record: OptionalId = Field(
        None,
        description="Your id of the record behind it, where the record may be edited or deleted later. "
        "An edited record is sent again with the same record and another id; the newest revision counts.",
        examples=["calls/3310"],
    )
    revised_at: OptionalInstant = Field(
        None,
        description="When the record was last changed, RFC 3339 with zone: it orders the revisions. "
        "Without it the order of arrival counts.",
        examples=["2026-09-24T18:20:00+09:00"],
    )
    lead: LeadRef


class LeadEvent(Common, LeadData):
    kind: Literal[EventKind.LEAD]


class ScoreEvent(Common, ScoreData):
    kind: Literal[EventKind.SCORE]


class ActivityEvent(Common, ActivityData):
    kind: Literal[EventKind.ACTIVITY]


class OwnerEvent(Common, OwnerData):
    kind: Literal[EventKind.OWNER]


class StatusEvent(Common):
    kind: Literal[EventKind.STATUS]
    status: Id = Field(
        description="One of Tasuki's words, or your tool's own: the source's configuration maps it. "
        "An unmapped word is kept and listed, never guessed.",
        examples=["working", "対応中"],
    )
    raw: Text | None = Field(None, description="Your tool's own word, when status is one of Tasuki's.")


class FollowUpEvent(Common, FollowUpData):
    kind: Literal[EventKind.FOLLOW_UP]


class DispositionEvent(Common, DispositionData):
    kind: Literal[EventKind.DISPOSITION]


class OpportunityEvent(Common, OpportunityData):
    kind: Literal[EventKind.OPPORTUNITY]


class RetractedEvent(Common, RetractedData):
    kind: Literal[EventKind.RETRACTED]
    record: Id = Field(description="Your id of the record that was deleted.", examples=["calls/3310"])


class Ending(Common):
    """The data class with `until` comes first among the bases, so that `occurred_at` is known when `until` is read."""

    @field_validator("until", check_fields=False)
    @classmethod
    def ends_after_it_begins(cls, until: datetime | None, info: ValidationInfo) -> datetime | None:
        begins = info.data.get("occurred_at")
        if until is not None and begins is not None and until <= begins:
            raise ValueError("must be later than occurred_at")
        return until


class PauseEvent(PauseData, Ending):
    kind: Literal[EventKind.PAUSE]


class ResumeEvent(Common, ResumeData):
    kind: Literal[EventKind.RESUME]


class AnswerEvent(Common, AnswerData):
    kind: Literal[EventKind.ANSWER]


class AcknowledgedEvent(AcknowledgedData, Ending):
    kind: Literal[EventKind.ACKNOWLEDGED]


AnyEvent = Annotated[
    LeadEvent
    | ScoreEvent
    | ActivityEvent
    | OwnerEvent
    | StatusEvent
    | FollowUpEvent
    | DispositionEvent
    | OpportunityEvent
    | RetractedEvent
    | PauseEvent
    | ResumeEvent
    | AnswerEvent
    | AcknowledgedEvent,
    Field(discriminator="kind"),
]
EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


class Envelope(BaseModel):
    """The body that Standard Webhooks recommends; only `data` is read."""

    type: str = Field(examples=["lead.changed"])
    timestamp: str = Field(examples=["2026-09-24T08:30:05Z"])
    data: AnyEvent | list[AnyEvent]


def data_of(event: Common, kind: EventKind) -> dict[str, Any]:
    """The data keys of the event; an optional key without a value is left out."""
    fields = DATA[kind].model_fields
    values = event.model_dump(mode="json", include=set(fields))
    return {name: value for name, value in values.items() if value is not None or fields[name].is_required()}


def check_canonical(event: CanonicalEvent) -> None:
    """Raise ValueError unless the event is what `connectors.contract` promises, down to the form of every value."""
    check_name("key", event.key)
    if event.record is not None:
        check_name("record", event.record)
    elif event.kind is EventKind.RETRACTED:
        raise ValueError("retracted must name the record")
    check_times(event)
    check_ids(event)
    check_data(event)


def check_name(name: str, value: str) -> None:
    if not 0 < len(storable(value)) <= ID_LENGTH or value != value.strip():
        raise ValueError(f"{name} must have 1 to {ID_LENGTH} characters and no blanks around it: {value!r}")


def check_times(event: CanonicalEvent) -> None:
    for name in ("occurred_at", "recorded_at", "revised_at"):
        at = getattr(event, name)
        if at is not None and at.utcoffset() != timedelta(0):
            raise ValueError(f"{name} must be an aware time in UTC: {at!r}")
    until = event.data.get("until")
    if until is not None and instant(until) <= event.occurred_at:
        raise ValueError(f"until must be later than occurred_at: {until!r}")


def check_ids(event: CanonicalEvent) -> None:
    if event.kind is EventKind.RETRACTED and event.record and not event.lead:
        return
    if not event.lead or len(set(event.lead)) < len(event.lead):
        raise ValueError(f"lead must name at least one id, and each only once: {event.lead!r}")
    of_id, of_email = TypeAdapter(Id), TypeAdapter(Email)
    for known in event.lead:
        form = of_email if known.system == EMAIL else of_id
        if of_id.validate_python(known.system) != known.system or form.validate_python(known.value) != known.value:
            raise ValueError(f"not in canonical form: {known!r}")


def check_data(event: CanonicalEvent) -> None:
    """The data is JSON, fits the model of its kind, and the model would not have to mend anything."""
    if event.kind not in DATA:
        raise ValueError(f"{event.kind} is Tasuki's own and comes from no source")
    plain = json.loads(json.dumps(event.data, allow_nan=False))
    mended = DATA[event.kind].model_validate(plain).model_dump(mode="json", exclude_unset=True)
    if json.dumps(mended, sort_keys=True) != json.dumps(plain, sort_keys=True):
        raise ValueError(f"{event.kind} data is not in canonical form: {plain!r} should be {mended!r}")
