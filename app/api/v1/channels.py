"""Which channel a source's word means, and the words that nobody has decided on yet."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.schemas import Nothing, Shown, Written
from app.api.v1.marketing import Line, names, of_parameter
from app.domain.channel import LONGEST, ChannelKey
from app.domain.roles import Right
from app.flows import channels
from app.flows.channels import Decided

router = noun("/channels", "Channels", sees=Right.SEE_FIGURES, changes=Right.MARKETING)

Raw = Annotated[
    Line,
    Path(max_length=LONGEST, description="The word as a tool or a budget writes it.", examples=["google / organic"]),
]
DECIDED: dict[str, Any] = {
    "raw": "google / organic",
    "channel": "search",
    "name_ja": "検索",
    "name_en": "Search",
    "leads": 212,
    "set_at": "2026-09-18T08:30:00Z",
    "set_by": "ops",
}
UNMAPPED: dict[str, Any] = {"raw": "mautic-07", "leads": 31, "visits": 0, "spend": 2, "suggestion": None}


class ChannelName(Shown):
    channel: ChannelKey
    name_ja: str
    name_en: str


class DecidedShown(Shown):
    """What a word means."""

    raw: str = Field(description="Compared without regard to case and width.")
    channel: ChannelKey
    name_ja: str
    name_en: str
    leads: int = Field(description="Leads that it brings to the channel.")
    set_at: datetime
    set_by: str

    model_config = ConfigDict(json_schema_extra={"examples": [DECIDED]})


class UnmappedShown(Shown):
    """A word that means no channel yet."""

    raw: str
    leads: int
    visits: int = Field(description="Rows of web visits.")
    spend: int = Field(description="Lines of the budget.")
    suggestion: ChannelKey | None = Field(description="What the word usually means; nothing is counted by it.")


class ChannelsShown(Shown):
    """Leads whose channel is unknown stay unknown until somebody decides."""

    channels: list[ChannelName]
    items: list[DecidedShown]
    unmapped: list[UnmappedShown] = Field(description="Most leads first, 200 at most.")
    unmapped_words: int
    leads: int
    unknown: int = Field(description="Leads whose channel is not known.")
    without_source: int = Field(description="Those among them of which no source is known.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "channels": [{"channel": "search", "name_ja": "検索", "name_en": "Search"}],
                    "items": [DECIDED],
                    "unmapped": [UNMAPPED],
                    "unmapped_words": 1,
                    "leads": 251,
                    "unknown": 39,
                    "without_source": 8,
                }
            ]
        }
    )


class ChannelWritten(Written):
    channel: ChannelKey

    model_config = ConfigDict(json_schema_extra={"examples": [{"channel": "search"}]})


@router.get("", operation_id="list_channels", dependencies=[reads])
def list_channels(state: Here, _: Annotated[Nothing, Query()]) -> ChannelsShown:
    """The channels, the words that mean them, and the words that wait for a decision."""
    with state.database.read() as c:
        found = channels.listing(c)
    return ChannelsShown(
        channels=[ChannelName.model_validate(names(key)) for key in ChannelKey],
        items=[_shown(one) for one in found.decided],
        unmapped=[UnmappedShown.model_validate(asdict(one)) for one in found.unmapped],
        unmapped_words=found.unmapped_words,
        leads=found.leads,
        unknown=found.unknown,
        without_source=found.without_source,
    )


@router.put("/{raw:path}", operation_id="set_channel")
def set_channel(
    raw: Raw, body: ChannelWritten, token: Writer, state: Here, _: Annotated[Nothing, Query()]
) -> DecidedShown:
    """From now on the word means that channel, in past figures too."""
    with state.database.write() as c, of_parameter("raw"):
        key = channels.decide(c, raw, body.channel, by=token.name, now=state.clock())
        return _shown(channels.one(c, key))


@router.delete("/{raw:path}", status_code=204, operation_id="remove_channel")
def remove_channel(raw: Raw, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> None:
    """The word means no channel again."""
    with state.database.write() as c:
        channels.remove(c, raw, by=token.name, now=state.clock())


def _shown(decided: Decided) -> DecidedShown:
    return DecidedShown.model_validate(asdict(decided) | names(decided.channel))
