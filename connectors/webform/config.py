"""What a source for forms is told: what the messages call their fields, and what their words for events mean."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from connectors.api import host_address
from connectors.contract import AskFailed, LeadStatus, Outcome, SourceConfig
from connectors.settings import ZoneName

#: Names that senders give to the two encodings → Python's. CP932 is what Windows and most tools call Shift_JIS.
ENCODINGS = {
    **dict.fromkeys(("utf-8", "utf8", "us-ascii"), "utf-8"),
    **dict.fromkeys(("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms932", "cp932"), "cp932"),
}
#: Kind → what may stand behind it; (): any word.
DETAILS: dict[str, tuple[str, ...]] = {
    "activity": (),
    "follow_up": ("call", "email", "meeting", "other"),
    "disposition": tuple(Outcome),
    "status": tuple(LeadStatus),
}
WHOLE = "must be an address like https://api.tool.example/leads/{id}, with {id} or {ids} behind the host"


def understood(said: str) -> str:
    """`activity download`, `follow_up call`, `disposition sql`, `status contacted`, `lead` or `ignore`."""
    kind, _, detail = said.partition(" ")
    if said in ("lead", "ignore") or (detail.strip() and (detail in DETAILS.get(kind, ()) or kind == "activity")):
        return said
    raise ValueError("must be like 'activity download', 'follow_up call', 'disposition sql', 'status contacted'")


def codec(said: str) -> str:
    try:
        return ENCODINGS[said.strip().lower()] if said else ""
    except KeyError:
        raise ValueError("must be utf-8 or shift_jis") from None


Meaning = Annotated[str, Field(max_length=80), AfterValidator(understood)]
Name = Annotated[str, Field(max_length=200)]
Names = Annotated[list[Name], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]


class Fields(BaseModel):
    """What the messages call them; within JSON `customer.email`. Empty: the messages do not hold it."""

    model_config = ConfigDict(extra="forbid")

    #: The tool's id of the person.
    id: Name = "id"
    email: Name = "email"
    #: One field or several, e.g. 姓 and 名.
    name: Names = Field(default_factory=list)
    company: Name = ""
    #: The person's page in the tool.
    url: Name = ""
    score: Name = ""
    status: Name = ""
    owner: Name = ""
    #: The tool's word for what happened.
    event: Name = ""
    #: What was downloaded, which form, which seminar.
    asset: Name = ""
    title: Name = ""
    #: Of follow-ups and decisions.
    by: Name = ""
    reason: Name = ""
    #: When it happened. Empty: when the message arrived.
    at: Name = ""
    #: The tool's id of what happened: sent twice it counts once.
    key: Name = ""

    def named(self) -> dict[str, str]:
        """The message's field → what it is read as."""
        known = {field: word for word, field in self.model_dump(exclude={"name"}).items() if field}
        return known | {field: "name" for field in self.name if field}


class Thin(BaseModel):
    """Messages hold ids only: what stands behind them is asked for."""

    model_config = ConfigDict(extra="forbid")

    #: `https://api.tool.example/leads/{id}`, or with `{ids}` for several at once. No other host is ever asked.
    url: str = ""
    #: The field of the message that holds the ids: a list, or a text with commas.
    ids: Name = "id"
    #: Where the person stands in the answer, e.g. `data.lead`; of several the list. Empty: the answer itself.
    record: Name = ""
    #: How the credential is shown: as a bearer token, as `user:password`, or by itself in `header`.
    auth: Literal["bearer", "basic", "header"] = "bearer"
    header: str = Field("X-API-Key", pattern=r"^[A-Za-z0-9-]+$")

    @field_validator("url")
    @classmethod
    def _on_one_host(cls, given: str) -> str:
        parts = urlsplit(given)
        rest = given.removeprefix(f"{parts.scheme}://{parts.netloc}")
        fits = not set("{}@") & set(parts.netloc) and not parts.fragment and "://" not in rest
        if given and not (fits and [rest.count("{id}"), rest.count("{ids}")] in ([1, 0], [0, 1])):
            raise ValueError(WHOLE)
        try:
            return host_address(f"{parts.scheme}://{parts.netloc}", WHOLE) + rest if given else ""
        except AskFailed as wrong:
            raise ValueError(str(wrong)) from None


class WebFormConfig(SourceConfig):
    """One form, or one tool that posts what its customer fills in."""

    fields: Fields = Fields()
    #: The tool's words for events → what they mean. Words that are not here are never guessed.
    events: dict[str, Meaning] = Field(default_factory=dict)
    #: What a message without a word for the event means. `lead`: only who it is, with score and status.
    otherwise: Meaning = "lead"
    #: Where in JSON the list of messages stands; empty: the body is one message or a list.
    items: Name = ""
    #: Empty: what Content-Type says, else UTF-8.
    encoding: Annotated[str, AfterValidator(codec)] = ""
    #: Of times that name none.
    zone: ZoneName = "Asia/Tokyo"
    #: The header that holds the secret, if it stands in none of the usual places.
    token_header: str = Field("X-Tasuki-Token", pattern=r"^[A-Za-z0-9-]+$")
    thin: Thin = Thin()

    def meaning(self, word: str) -> str | None:
        """None: nobody said what the word is."""
        return self.events.get(word) if word else self.otherwise
