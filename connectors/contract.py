"""What a connector promises: a webhook's bytes in, canonical events out.

A vendor's words end here. Nothing in this package imports anything of `app`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

import httpx
from pydantic import BaseModel, ConfigDict, Field


class EventKind(StrEnum):
    """The kinds of fact Tasuki knows about a lead. The keys of `data` stand behind each kind;
    `connectors/standard/schema.py` is their checked form."""

    LEAD = "lead"  #: who it is: name?, company?, attributes? {str: str|number|bool|None}, url? (record in the tool)
    SCORE = "score"  #: score: number
    ACTIVITY = "activity"  #: activity: str (download, form, seminar, visit, …), asset?, title?, topics? [str]
    OWNER = "owner"  #: owner: str | None (the tool's id or name of the user), name?, email?
    STATUS = "status"  #: status: LeadStatus | None (None: unmapped, kept and listed), raw: str
    FOLLOW_UP = "follow_up"  #: channel: call|email|meeting|other, automated: bool, by?, outcome?, subject?
    DISPOSITION = "disposition"  #: outcome: Outcome, reason?, by?
    OPPORTUNITY = "opportunity"  #: opportunity: str, state: open|won|lost, stage?, amount?, name?
    RETRACTED = "retracted"  #: the tool's record of this event (`record`) was deleted: reason?, by?
    PAUSE = "pause"  #: the customer asked to wait: reason: str, until? (RFC 3339), by?
    RESUME = "resume"  #: the wait is over: by?
    ANSWER = "answer"  #: marketing answered a rejection: text?, by?
    ACKNOWLEDGED = "acknowledged"  #: somebody said "I am on it": by?, until? (RFC 3339)
    TERMS = "terms"  #: Tasuki alone: a running clock was moved: policy? (row id), start? (RFC 3339), burst?, void?, by


class LeadStatus(StrEnum):
    """Canonical sales status of a lead; a source's config maps the tool's own words to these."""

    NEW = "new"
    WORKING = "working"
    CONTACTED = "contacted"
    QUALIFIED = "qualified"  #: SQL
    CONVERTED = "converted"
    RECYCLED = "recycled"
    DISQUALIFIED = "disqualified"


class Outcome(StrEnum):
    """What sales decided about a handed-over lead."""

    ACCEPTED = "accepted"
    SQL = "sql"
    REJECTED = "rejected"
    RECYCLED = "recycled"
    DISQUALIFIED = "disqualified"
    EXCLUDED = "excluded"  #: test, competitor, student, deleted: never counted
    RESTORED = "restored"  #: takes an exclusion back


EMAIL = "email"  #: the system name under which an e-mail address is an external id


@dataclass(frozen=True, slots=True)
class ExternalId:
    """The id under which one tool knows a person. E-mail addresses are ids of the system `email`."""

    system: str
    value: str


@dataclass(frozen=True, slots=True)
class CanonicalEvent:
    """One fact about one lead."""

    #: The source's id of this fact: the same fact has the same key however often it is delivered.
    key: str
    kind: EventKind
    #: When it happened by the source's clock; aware, UTC.
    occurred_at: datetime
    #: Whom it is about; at least one id, the tool's own first. (): a RETRACTED record of which the tool does not say
    #: any more whose it was.
    lead: tuple[ExternalId, ...]
    data: dict[str, Any]
    #: When somebody wrote it down in the tool, if the tool tells; aware, UTC.
    recorded_at: datetime | None = None
    #: The tool's record that the fact was read from, where a later edit or deletion of the record changes the fact
    #: (a logged call). Each revision has a key of its own; of one record the newest revision counts.
    record: str | None = None
    #: When the tool last changed the record; aware, UTC. None: when the revision was received.
    revised_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a delivery that was authentic but not understood."""

    #: Where in the payload, e.g. `[3].occurredAt`.
    place: str
    #: One sentence: what is wrong and what would mend it.
    reason: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """A question for the tool's API that a thin payload left open."""

    object_type: str
    object_id: str
    #: What the answer is needed for, e.g. the occurrence time of the webhook that named the object.
    context: tuple[tuple[str, str], ...] = ()
    #: Nice to know: a source without a credential does without it. Others put the delivery into quarantine then.
    optional: bool = False


@dataclass(slots=True)
class Parsed:
    """What one delivery said."""

    events: list[CanonicalEvent] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    lookups: list[Lookup] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A webhook as it arrived."""

    method: str
    #: The public URL that the sender called: configured base URL + path + query in received order.
    url: str
    #: Names in lower case.
    headers: Mapping[str, str]
    body: bytes
    #: Aware, UTC.
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sender wants to hear once its delivery is durable."""

    status: int = 202
    content_type: str = "application/json"
    body: bytes = b'{"status":"accepted"}'


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a tool's API to a poll, to be kept like a delivery and parsed by `Connector.parse`."""

    #: What was asked, without credentials; becomes the delivery's URL.
    url: str
    body: bytes
    #: Where the next poll goes on; JSON, in the connector's own words. It overlaps what was read.
    cursor: dict[str, Any]
    #: Everything that the tool changed up to this instant has been read with this page; aware, UTC.
    through: datetime
    #: There is another page to ask for at once.
    more: bool = False


class Unverified(Exception):
    """The request does not prove that it comes from the source. The message says why, without any secret."""


class AskFailed(Exception):
    """The tool's API could not be asked.

    `retry_after` is seconds until another try makes sense; None means: not before a person mends something.
    """

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class SourceConfig(BaseModel):
    """Configuration that every source shares; a connector adds its own fields."""

    # In YAML an id or a choice that is a number is easily written without quotes.
    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    #: What the tool's own statuses mean unless `statuses` says otherwise; set by the connector.
    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = {}

    #: The system name of the ids this source gives its people; set it when you connect two accounts of one tool.
    system: str = ""
    #: The tool's status names → canonical ones. Unknown names are kept as unmapped, never guessed.
    statuses: dict[str, LeadStatus] = Field(default_factory=dict)
    #: The tool's user ids → the name that people read.
    owners: dict[str, str] = Field(default_factory=dict)
    #: The tool's user ids → the address that alerts for the owner go to.
    owner_emails: dict[str, str] = Field(default_factory=dict)
    #: The tool's property names → attribute names that rules use.
    attributes: dict[str, str] = Field(default_factory=dict)
    #: What the tool is to the team: `ma` (marketing), `sfa` (sales: follow-ups come from here), or both. Empty: what
    #: its connector says.
    role: Literal["", "ma", "sfa", "both"] = ""
    #: Hours of open time without a word after which the feed counts as dark; None: learned from its rhythm.
    silent_after_hours: Annotated[float, Field(gt=0, le=24 * 90)] | None = None
    #: Minutes between two polls, where the connector can poll and has a credential.
    poll_every_minutes: Annotated[float, Field(ge=1, le=24 * 60)] = 10

    def status_of(self, word: str) -> LeadStatus | None:
        """What the tool's word means; None: nobody said so yet."""
        return self.statuses.get(word) or self.usual_statuses.get(word)


Config = TypeVar("Config", bound=SourceConfig)
Asked = TypeVar("Asked", bound=SourceConfig, contravariant=True)


@dataclass(frozen=True, slots=True)
class Checked:
    """What a look at the tool with the source's credential found."""

    #: Whom the credential speaks for, as the tool calls it, e.g. the account's name or host.
    account: str = ""
    #: What the source will not be able to do, and what would mend it.
    problems: tuple[Problem, ...] = ()
    #: Every status that a lead may have in the tool; (): the tool does not tell.
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One record in a request, as `tasuki source schema` counts its fields."""

    #: The tool's word for the object.
    object: str
    fields: Mapping[str, Any]


class Connector(Protocol[Config]):
    """One tool. Stateless; everything that differs between two sources of a kind is in its config."""

    kind: str
    config_model: type[Config]
    answer: Answer
    #: The tool brings its own secret (HubSpot: the app's client secret), so none can be made for it.
    brings_secret: bool
    #: The tool cannot sign and sends no header: the secret stands in the URL, as `?token=…`.
    secret_in_url: bool
    #: What the tool usually is to the team: ma, sfa or both.
    role: str
    #: Not every tool does: one that does not is asked, and nothing needs to be entered in it.
    sends_webhooks: bool

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: Config, now: datetime) -> None:
        """Raise Unverified unless one of `secrets` proves the request and it is not too old."""

    def to_store(self, body: bytes) -> bytes:
        """The body as it may be kept: credentials that the tool put into it are blanked."""

    def parse(self, request: WebhookRequest, config: Config) -> Parsed:
        """Read a verified request. Never raises on content: what is not understood becomes a Problem."""

    def fetch(self, lookups: Sequence[Lookup], config: Config, credential: str, http: httpx.Client) -> Parsed:
        """Answer lookups through the tool's API, bounded in time. Raises AskFailed."""

    def check(self, config: Config, credential: str, http: httpx.Client) -> Checked:
        """Ask the tool for a little of everything that the source needs, bounded in time. Raises AskFailed when
        nothing can be asked at all."""

    def sample(self, config: Config, secret: str, url: str, now: datetime) -> WebhookRequest:
        """What the tool would send to `url` now, with a proof made with the secret; one that only polls: an answer
        (method `POLL`)."""

    def shown(self, request: WebhookRequest, config: Config) -> Iterable[Shown]:
        """The records in a request that was verified. Never raises on content."""

    def mapped(self, config: Config) -> Mapping[str, Mapping[str, str]]:
        """Object → field → what Tasuki reads it as, under this configuration."""


@runtime_checkable
class Polls(Protocol[Asked]):
    """A connector that can ask its tool for everything that changed. Its pages are parsed as requests with the
    method `POLL`."""

    def start(self, since: datetime) -> dict[str, Any]:
        """The cursor of a reading that begins with what changed at `since`."""

    def poll(self, cursor: dict[str, Any], until: datetime, config: Asked, credential: str, http: httpx.Client) -> Page:
        """The next page of what changed from the cursor to `until`, bounded in time. Raises AskFailed."""


@runtime_checkable
class AsksAboutLead(Protocol[Asked]):
    """A connector that can ask its tool what was done about one lead."""

    def ask_about(
        self, lead: Sequence[ExternalId], since: datetime, config: Asked, credential: str, http: httpx.Client
    ) -> Page:
        """The lead's follow-ups and status since then, bounded in time. Raises AskFailed."""


@runtime_checkable
class GrantsSenders(Protocol):
    """A connector whose senders ask, by OPTIONS, whether they may send."""

    def handshake(self, headers: Mapping[str, str]) -> Mapping[str, str] | None:
        """The headers of the answer; None: it is not such a question. `headers`: names in lower case."""


@runtime_checkable
class AsksAgain(Protocol[Asked]):
    """A connector whose tool's polls do not show what was deleted; it can ask for records by their names."""

    def ask_again(
        self, records: Sequence[str], config: Asked, credential: str, http: httpx.Client, now: datetime
    ) -> Page:
        """Which of these follow-ups are gone by now, as facts of the page: RETRACTED, of nobody in particular.

        `records`: names as in `CanonicalEvent.record`, at most 100; bounded in time. Raises AskFailed.
        """


@runtime_checkable
class Subscribes(Protocol[Asked]):
    """A connector whose tool forgets where to send unless it is told again and again."""

    def subscribe(
        self, config: Asked, secret: str, url: str, credential: str, http: httpx.Client, now: datetime
    ) -> datetime:
        """Tell the tool to send to `url`, bounded in time; until when it will. Raises AskFailed."""
