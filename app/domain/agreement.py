"""The parts of an SLA: what counts, who is told, what happens out of the ordinary."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from app.domain.calendar import ClockKind
from app.domain.refusals import complaint
from connectors.contract import LeadStatus


class AlertReason(StrEnum):
    HANDED_OVER = "handed_over"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    WITHDRAWN = "withdrawn"
    #: The breach lasts; one step of `Policy.escalation`. The outbox appends the step: `escalated_1`.
    ESCALATED = "escalated"
    #: Many leads of one source qualified within minutes.
    BURST = "burst"
    #: A source's feed went dark.
    FEED_DARK = "feed_dark"
    #: … and is back.
    FEED_BACK = "feed_back"
    #: A meeting's agenda, its minutes, and the question how one's action items stand.
    AGENDA = "agenda"
    MINUTES = "minutes"
    STANDING = "standing"
    #: Marketing hears at 17:00 what became of its leads; to an address or a webhook, never to an owner.
    OUTCOMES = "outcomes"


class Duty(StrEnum):
    """Who owes what; each is timed by the same clock."""

    #: Sales follows up a lead that became MQL.
    FOLLOW_UP = "follow_up"
    #: Sales answers again when a lead that was met came back (`Policy.next_response_hours`).
    NEXT_RESPONSE = "next_response"
    #: Marketing answers a rejection.
    ANSWER = "answer"
    #: Marketing hands over a complete brief.
    BRIEF = "brief"


def storable(written: str) -> str:
    """No database stores NUL or half of a surrogate pair, although JSON can spell them."""
    if any(character == "\x00" or "\ud800" <= character <= "\udfff" for character in written):
        raise complaint("not_storable", "Holds a character or a number that cannot be stored, such as U+0000.")
    return written


STORABLE = AfterValidator(storable)
Text = Annotated[str, STORABLE]


class Document(BaseModel):
    """A misspelt key is refused; what is agreed does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FollowUps(Document):
    """What stops the clock. Automated mail, owner changes and field edits never do."""

    channels: tuple[Literal["call", "email", "meeting", "other"], ...] = ("call", "email", "meeting")
    #: SQL, opportunity, rejected or recycled with a reason, disqualified.
    dispositions: bool = True
    #: A move into one of these counts although nothing else was recorded (status-only evidence); `[]`: none does.
    statuses: tuple[LeadStatus, ...] = (
        LeadStatus.CONTACTED,
        LeadStatus.QUALIFIED,
        LeadStatus.CONVERTED,
        LeadStatus.RECYCLED,
        LeadStatus.DISQUALIFIED,
    )
    #: A contact this many days before the lead became MQL meets the SLA: the rep was quicker.
    earlier_contact_days: Annotated[float, Field(ge=0, le=365)] = 30
    #: Only what the lead's owner did counts; what nobody signed counts as the owner's.
    owner_only: bool = False


class AlertRoute(Document):
    """One recipient and what they hear of."""

    channel: Literal["slack", "email", "log"]
    #: e-mail: `owner` or an address; Slack: the name of a webhook in TASUKI_SLACK_WEBHOOKS.
    to: Annotated[str, Field(min_length=1, max_length=320), STORABLE] = "owner"
    on: tuple[AlertReason, ...] = (AlertReason.AT_RISK, AlertReason.BREACHED, AlertReason.WITHDRAWN)
    #: Send at any hour; otherwise a message waits for the calendar's next opening.
    page: bool = False

    @model_validator(mode="after")
    def outcomes_have_an_address(self) -> AlertRoute:
        if AlertReason.OUTCOMES in self.on and self.to == "owner":
            raise complaint("outcomes_to_owner", "Outcomes are for marketing; write an address or a webhook's name.")
        return self


class Escalation(Document):
    """One step that follows a breach which lasts."""

    #: Open time since the breach.
    after_hours: Annotated[float, Field(gt=0, le=1000)]
    channel: Literal["slack", "email", "log"]
    to: Annotated[str, Field(min_length=1, max_length=320), STORABLE]


class Bursts(Document):
    """Many leads of one source within minutes (an import, a bulk change of scores)."""

    #: More leads than this …
    leads: Annotated[int, Field(ge=2, le=100_000)] = 20
    #: … within this time are a burst.
    minutes: Annotated[float, Field(gt=0, le=1440)] = 10
    #: normal: due like any other; stagger: `per_day` start every business day; exclude: no clock.
    handling: Literal["normal", "stagger", "exclude"] = "normal"
    per_day: Annotated[int, Field(ge=1, le=10_000)] = 40


class MarketingDuties(Document):
    """What marketing owes sales, on the policy's calendar and alert routes."""

    #: Hours to answer a rejection; None: no such duty.
    answer_hours: Annotated[float, Field(gt=0, le=8760)] | None = 72
    #: elapsed or business_hours.
    clock: Literal[ClockKind.ELAPSED, ClockKind.BUSINESS_HOURS] = ClockKind.ELAPSED
    #: What sales must be told about a lead: name, company, owner, url or attributes; (): no such duty.
    brief: tuple[Annotated[str, Field(min_length=1, max_length=200), STORABLE], ...] = ()
    #: Hours after the hand-over in which the brief may still be completed; 0: complete at hand-over.
    brief_hours: Annotated[float, Field(ge=0, le=8760)] = 0
    #: Who hears of it, an e-mail address; empty: nobody but the lists.
    email: Annotated[str, Field(max_length=320), STORABLE] = ""
