"""The registry of content, and what nobody has reviewed for long."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import ConfigDict, Field

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Listing
from app.api.schemas import Asked, Nothing, Shown
from app.api.v1.marketing import Line, of_parameter, today
from app.domain.content import LONGEST, MOST_MONTHS, STALE_AFTER, Described
from app.domain.roles import Right
from app.flows import contents
from app.flows.contents import Registered

router = noun("/contents", "Content", sees=Right.SEE_FIGURES, changes=Right.MARKETING)

Asset = Annotated[Line, Path(max_length=LONGEST, description="As activities name it.", examples=["wp-07"])]
DESCRIBED: dict[str, Any] = {
    "title": "導入事例集",
    "topic": "導入事例",
    "stage": "consideration",
    "owner": "佐藤 翔太",
    "last_reviewed": "2026-02-10",
}
CONTENT: dict[str, Any] = {"asset": "wp-07", "content": DESCRIBED}


class ContentWritten(Described):
    model_config = ConfigDict(json_schema_extra={"examples": [DESCRIBED]})


class Content(Shown):
    """An asset and what is known of it."""

    asset: str
    content: Described

    model_config = ConfigDict(json_schema_extra={"examples": [CONTENT]})


class ContentListed(Content):
    """With how much it is used."""

    activities_90_days: int = Field(description="Activities of the last 90 days that named it.")

    model_config = ConfigDict(json_schema_extra={"examples": [CONTENT | {"activities_90_days": 48}]})


class ContentsAsked(Asked):
    stale: bool = Field(False, description="Only what nobody has reviewed for long, or ever; the most used first.")
    months: Annotated[int, Field(ge=1, le=MOST_MONTHS)] = Field(STALE_AFTER, description="How long that is.")


@router.get("", operation_id="list_contents", dependencies=[reads])
def list_contents(asked: Annotated[ContentsAsked, Query()], state: Here) -> Listing[ContentListed]:
    """All content, or what has to be reviewed."""
    now = state.clock()
    with state.database.read() as c:
        old = contents.stale(c, now, today(state), asked.months) if asked.stale else None
        found = contents.listed(c, now) if old is None else old
    return Listing(items=[_listed(one) for one in found])


@router.get("/{asset:path}", operation_id="get_content", dependencies=[reads])
def get_content(asset: Asset, state: Here, _: Annotated[Nothing, Query()]) -> Content:
    """One asset."""
    with state.database.read() as c:
        return Content(asset=asset, content=contents.read(c, asset))


@router.put("/{asset:path}", operation_id="set_content")
def set_content(
    asset: Asset, body: ContentWritten, token: Writer, state: Here, _: Annotated[Nothing, Query()]
) -> Content:
    """What is known of it from now on; what is left out is not known."""
    now = state.clock()
    with state.database.write() as c, of_parameter("asset"):
        key = contents.describe(c, asset, body, by=token.name, now=now, today=today(state))
    return Content(asset=key, content=body)


@router.delete("/{asset:path}", status_code=204, operation_id="remove_content")
def remove_content(asset: Asset, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> None:
    """It is not kept any more."""
    with state.database.write() as c:
        contents.remove(c, asset, by=token.name, now=state.clock())


def _listed(one: Registered) -> ContentListed:
    return ContentListed(asset=one.asset, content=one.described, activities_90_days=one.lately)
