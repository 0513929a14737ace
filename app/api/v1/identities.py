"""Who is who: what is in doubt, and what people decide about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict, Field
from sqlalchemy import Connection

from app.api.auth import Writer, reads
from app.api.here import Here
from app.api.nouns import noun
from app.api.paging import Page, Paged, after, page
from app.api.schemas import Nothing, RowId, Shown, Word, Written, WrittenId
from app.api.v1.leads import Identity
from app.domain.identity import Doubt
from app.domain.roles import Right
from app.flows import lists, people
from app.flows.people import Decider, Question, Somebody, Whom
from app.flows.tokens import Token
from app.state import State
from connectors.contract import ExternalId

router = APIRouter()
_identities = noun("/identities", "Identities", changes=Right.WORK_LEADS)
_leads = noun("/leads", "Leads", changes=Right.WORK_LEADS)

SATO: dict[str, Any] = {"id": 512, "name": "佐藤 翔太", "company": "山田製作所"}
INFO: dict[str, Any] = {"system": "email", "value": "info@yamada.example"}


class LeadName(Shown):
    id: int
    name: str | None
    company: str | None


class Unclear(Shown):
    """Something about who is who that only a person can know. Until then nothing is guessed."""

    why: Doubt = Field(
        description="ambiguous: an address of several leads of which one tool has two. crowded: the same, and so many "
        "hang together by it that it is not looked at any more. contradictory: records of one tool that only another "
        "tool calls one person, or that bring together what a person has parted."
    )
    ids: list[Identity] = Field(description="The address, or the records, in doubt.")
    lead: LeadName = Field(description="Whose they are for the time being.")
    others: list[LeadName] = Field(description=f"Other leads that were named with them; {people.MOST} at most.")
    count: int = Field(description="How many those are.")

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "why": "ambiguous",
                    "ids": [INFO],
                    "lead": {"id": 530, "name": None, "company": None},
                    "others": [SATO, {"id": 518, "name": "林 彩", "company": "山田製作所"}],
                    "count": 2,
                }
            ]
        }
    )


class IdentitiesAsked(Paged):
    """Questions come by lead."""


class WrittenIdentity(Written):
    """An id under which a tool knows a lead; `email` is a system, too."""

    system: Annotated[Word, Field(max_length=64)]
    value: Word

    def id(self) -> ExternalId:
        return people.meant(self.system, self.value)


Note = Annotated[str, Field(max_length=2000, description="Why, for whoever asks later.")]
Ids = Annotated[list[WrittenIdentity], Field(max_length=100)]


class People(Written):
    """Two or more, by their leads' numbers or by ids of theirs."""

    leads: list[WrittenId] = Field(default_factory=list, max_length=20, description="Numbers of leads.")
    ids: Ids = Field(default_factory=list, description="Ids, where two records of one lead are meant.")
    note: Note = ""

    model_config = ConfigDict(json_schema_extra={"examples": [{"leads": [512, 518], "note": "本人に確認"}]})

    def whom(self) -> Whom:
        return Whom(self.leads, [one.id() for one in self.ids])


class Split(Written):
    """Ids of the lead that are somebody else's."""

    ids: Annotated[Ids, Field(min_length=1)]
    note: Note = ""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"ids": [{"system": "salesforce", "value": "00Q5i000001AbcdEAA"}], "note": "同姓同名の別人"}]
        }
    )


class Person(LeadName):
    identities: list[Identity]


class Decided(Shown):
    """The leads as they stand after the decision, with the ids of each."""

    leads: list[Person]

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "leads": [
                        SATO
                        | {
                            "identities": [
                                {"system": "email", "value": "sato@yamada.example"},
                                {"system": "hubspot", "value": "501"},
                            ]
                        }
                    ]
                }
            ]
        }
    )


@_identities.get("", operation_id="list_unclear_identities", dependencies=[reads])
def list_unclear_identities(
    asked: Annotated[IdentitiesAsked, Query()], state: Here, request: Request, response: Response
) -> Page[Unclear]:
    """What people have to decide about who is who."""
    with state.database.read() as c:
        rows = people.questions(c, after=after(asked, int), limit=asked.limit)
    return page(request, response, rows, _unclear)


@_identities.post("/join", operation_id="join_leads")
def join_leads(body: People, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> Decided:
    """These are one person. Their facts become one history with one clock; the oldest lead stays."""
    with state.database.write() as c:
        return _decided(c, people.join(c, body.whom(), _decider(c, state, token, body.note)))


@_identities.post("/part", operation_id="part_leads")
def part_leads(body: People, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> Decided:
    """These are different people, whatever address or record they share; that is in doubt no more."""
    with state.database.write() as c:
        return _decided(c, people.part(c, body.whom(), _decider(c, state, token, body.note)))


@_leads.post("/{lead_id}/split", operation_id="split_lead")
def split_lead(lead_id: RowId, body: Split, token: Writer, state: Here, _: Annotated[Nothing, Query()]) -> Decided:
    """These ids are somebody else: their facts go with them, and what was joined wrongly has its own clocks again."""
    with state.database.write() as c:
        decider = _decider(c, state, token, body.note)
        return _decided(c, people.split(c, lead_id, [one.id() for one in body.ids], decider))


router.include_router(_identities)
router.include_router(_leads)


def _decider(c: Connection, state: State, token: Token, note: str) -> Decider:
    return Decider(token.name, state.clock(), state.versions.read(c), note)


def _unclear(question: Question) -> Unclear:
    return Unclear(
        why=question.why,
        ids=_ids((one.system, one.value) for one in question.ids),
        lead=_name(question.lead),
        others=[_name(other) for other in question.others],
        count=question.count,
    )


def _name(known: Somebody) -> LeadName:
    return LeadName(id=known.id, name=known.name, company=known.company)


def _ids(known: Iterable[tuple[str, str]]) -> list[Identity]:
    return [Identity(system=system, value=value) for system, value in known]


def _decided(c: Connection, leads: Sequence[int]) -> Decided:
    return Decided(leads=[_person(lists.lead(c, lead_id)) for lead_id in leads])


def _person(file: lists.LeadFile) -> Person:
    known = file.lead
    return Person(id=known.id, name=known.name, company=known.company, identities=_ids(file.identities))
