"""Leads: in pages, and one with its ids and handoffs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import ConfigDict, Field

from app.api.auth import reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.schemas import Moment, Nothing, RowId, Shown, Word
from app.api.v1 import shapes
from app.api.v1.shapes import Handoff, shown
from app.domain.refusals import refused
from app.flows import lists

router = noun("/leads", "Leads", [reads])

EXAMPLE: dict[str, Any] = shapes.LEAD_EXAMPLE | {
    "first_seen_at": "2026-09-01T01:12:00Z",
    "updated_at": "2026-09-19T02:30:12Z",
}


class Lead(Shown):
    """A person."""

    id: int
    name: str | None
    company: str | None
    url: str | None = Field(description="The record in the SFA.")
    first_seen_at: datetime
    updated_at: datetime

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})


class Identity(Shown):
    """An id under which a tool knows the lead; `email` is a system, too."""

    system: str
    value: str


class LeadFile(Lead):
    """A person with everything they are known by, and their handoffs."""

    joined_into: int | None = Field(
        None, description="The lead that this one turned out to be; its ids and facts are there. null: it stands alone."
    )
    identities: list[Identity]
    attributes: dict[str, Any] = Field(description="What rules may ask for.")
    handoffs: list[Handoff] = Field(description="In their order.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                EXAMPLE
                | {
                    "joined_into": None,
                    "identities": [
                        {"system": "hubspot", "value": "501"},
                        {"system": "salesforce", "value": "00Q5i000001AbcdEAA"},
                    ],
                    "attributes": {"industry": "製造", "employees": 320},
                    "handoffs": [shapes.EXAMPLE],
                }
            ]
        }
    )


class LeadsAsked(Paged):
    updated_since: Moment | None = Field(None, description="Changed since then.", examples=["2026-09-18T00:00:00Z"])
    known_as: Word | None = Field(
        None, description="A tool's id of the lead, `system:value`.", examples=["salesforce:00Q5i000001AbcdEAA"]
    )

    def identity(self) -> tuple[str, str] | None:
        """Raises Refused."""
        if self.known_as is None:
            return None
        system, _, value = self.known_as.partition(":")
        if not system or not value:
            raise refused("parameter:known_as", "identity", "Write system and id, such as salesforce:00Q5i000001Abcd.")
        return system, value


@router.get("", operation_id="list_leads")
def list_leads(asked: Annotated[LeadsAsked, Query()], state: Here, request: Request, response: Response) -> Page[Lead]:
    """Leads by their last change: whoever pages on from the end misses no change."""
    with state.database.read() as c:
        rows = lists.leads(
            c,
            updated_since=asked.updated_since,
            known_as=asked.identity(),
            after=after(asked, datetime, int),
            limit=asked.limit,
        )
    return page(request, response, rows, lambda row: Lead.model_validate(row, from_attributes=True))


@router.get("/{lead_id}", operation_id="get_lead")
def get_lead(lead_id: RowId, _: Annotated[Nothing, Query()], state: Here) -> LeadFile:
    """One lead with its ids, attributes and handoffs."""
    with state.database.read() as c:
        file = lists.lead(c, lead_id)
    return LeadFile(
        **dict(Lead.model_validate(file.lead, from_attributes=True)),
        joined_into=file.lead.joined_into,
        identities=[Identity(system=system, value=value) for system, value in file.identities],
        attributes=file.attributes,
        handoffs=[shown(row, state.settings.public_url) for row in file.handoffs],
    )
