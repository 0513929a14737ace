"""What a Dynamics 365 source can be told, and what Dynamics' own numbers mean unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from connectors.contract import LeadStatus, SourceConfig
from connectors.records import Channel

Table = Literal["lead", "contact", "phonecall", "email", "appointment", "task"]


class DynamicsConfig(SourceConfig):
    """One Dataverse environment. Columns are named by their logical names, choices by their numbers."""

    #: statuscode of a lead as it is delivered; own reasons within *Disqualified* need no entry.
    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = {
        "1": LeadStatus.NEW,
        "2": LeadStatus.CONTACTED,
        "3": LeadStatus.QUALIFIED,
        "4": LeadStatus.DISQUALIFIED,  # lost
        "5": LeadStatus.DISQUALIFIED,  # cannot contact
        "6": LeadStatus.DISQUALIFIED,  # no longer interested
        "7": LeadStatus.DISQUALIFIED,  # canceled
    }

    #: The environment: `https://yamada.crm7.dynamics.com`. Needed to ask, and for links to records.
    api_base: str = Field("", pattern=r"^(https?://[\w.:-]+)?$")
    #: The environment's OrganizationId. Set it: the key alone does not say who sends.
    organization_id: str = ""
    #: The webhook proves itself by HttpHeader or HttpQueryString: the name of the header or parameter with the secret.
    #: Empty: by WebhookKey, which Dataverse sends as `?code=…`.
    key_name: str = Field("", pattern=r"^[\w-]*$")
    #: Dynamics has no score of its own: the number column that your MA, or its scoring model, writes it into.
    score_field: str = ""
    #: Another column of leads that holds the status; a choice is known by its number.
    status_field: str = "statuscode"
    #: The lookup column of leads and contacts that says whose they are.
    owner_field: str = Field("ownerid", pattern=r"^\w+$")
    #: A task's category → channel; all other tasks are no contact.
    task_categories: dict[str, Channel] = Field(default_factory=dict)
    #: Tables with *Track changes* turned on, whose deletions are to be found although a webhook was lost.
    change_tracking: list[Table] = Field(default_factory=list)
    #: The users (ids) that are no person, e.g. the application that a flow works as.
    automated_users: list[str] = Field(default_factory=list)
