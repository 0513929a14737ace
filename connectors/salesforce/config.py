"""What differs between two Salesforce organisations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from connectors.contract import LeadStatus, SourceConfig
from connectors.records import Channel
from connectors.salesforce.ids import SHAPE, NotAnId, normal_id
from connectors.standard.schema import address

#: Lead statuses of an organisation that was created in English. Everything else is the source's configuration.
STATUSES = {
    "Open - Not Contacted": LeadStatus.NEW,
    "Working - Contacted": LeadStatus.CONTACTED,
    "Closed - Converted": LeadStatus.CONVERTED,
    "Closed - Not Converted": LeadStatus.DISQUALIFIED,
}
DealState = Literal["open", "won", "lost"]


def looks_like_id(value: str) -> str:
    if not SHAPE.fullmatch(value):
        raise NotAnId(value)
    return value


#: Compared by its first 15 characters, so the last 3 are not looked at.
AnyId = Annotated[str, AfterValidator(looks_like_id)]
RecordId = Annotated[str, AfterValidator(normal_id)]
#: The API name of a field; it becomes part of a question to Salesforce.
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]


def blank_is_none(value: object) -> object:
    return None if value == "" else value


class SalesforceConfig(SourceConfig):
    """One organisation. Every id may be written with 15 or with 18 characters."""

    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = STATUSES

    owners: dict[RecordId, str] = Field(default_factory=dict)
    owner_emails: dict[RecordId, Annotated[str, AfterValidator(address)]] = Field(default_factory=dict)
    attributes: dict[FieldName, str] = Field(default_factory=dict)

    #: Only messages of this organisation are accepted (Setup → Company Information).
    organization_id: Annotated[AnyId | None, BeforeValidator(blank_is_none)] = None
    #: Only messages of these outbound message actions (04k…) are accepted; empty: of every action.
    action_ids: list[AnyId] = Field(default_factory=list)
    #: Fields of your platform events that hold the id of the record that an event is about.
    record_fields: list[FieldName] = Field(default_factory=lambda: ["RecordId__c"])
    #: `ja`: family name first.
    name_order: Literal["ja", "en"] = "ja"
    #: API names of the Lead fields that hold the status and the user whose it is.
    status_field: FieldName = "Status"
    owner_field: FieldName = "OwnerId"
    #: API name of the Lead field that holds the score; Salesforce has no standard one.
    score_field: FieldName | Literal[""] = ""
    #: Task statuses that mean done, for messages without the field IsClosed.
    completed_task_statuses: list[str] = Field(default_factory=lambda: ["Completed", "完了"])
    #: Values of the Task field Type → channel, on top of Call, Email and Meeting.
    task_types: dict[str, Channel] = Field(default_factory=dict)
    #: Users whose tasks and events are written by software: never a human follow-up.
    integration_users: list[RecordId] = Field(default_factory=list)
    #: API name of the Opportunity field with a Contact's or Lead's id, or an e-mail address. ContactId is Salesforce's
    #: own: the primary contact. Empty: opportunities are not told apart by person, so none is read.
    opportunity_contact_field: FieldName | Literal[""] = "ContactId"
    #: Opportunity stages → state, for messages without IsClosed and IsWon.
    stages: dict[str, DealState] = Field(default_factory=dict)
