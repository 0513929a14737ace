"""What an EspoCRM source can be told, and what EspoCRM's own words mean unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from connectors.contract import LeadStatus, SourceConfig
from connectors.settings import address_like

ADDRESS = "must be the address where EspoCRM is opened, like https://crm.example.jp"
#: A field's name, as Entity Manager shows it.
Name = Annotated[str, Field(pattern=r"^\w*$", max_length=100)]


class EspoConfig(SourceConfig):
    """One EspoCRM instance. Fields are named by their names in the Entity Manager."""

    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = {
        "New": LeadStatus.NEW,
        "Assigned": LeadStatus.WORKING,
        "In Process": LeadStatus.WORKING,
        "Converted": LeadStatus.CONVERTED,
        "Recycled": LeadStatus.RECYCLED,
        "Dead": LeadStatus.DISQUALIFIED,
    }

    #: Where EspoCRM is opened; its API is asked there, and people open records there.
    base: Annotated[str, address_like("https://crm.example.jp")] = ""
    #: Only these webhooks may send (their ids, as Administration → Webhooks shows them). Empty: all that have a secret.
    webhooks: list[Annotated[str, Field(min_length=1, max_length=50)]] = Field(default_factory=list)
    status_field: Name = "status"
    #: The number field of leads that holds the score, if your MA writes one.
    score_field: Name = ""
    #: A link of leads and contacts to a user, that says whose they are.
    owner_field: Name = "assignedUser"
    #: Statuses of calls and meetings that took place.
    held_statuses: list[str] = Field(["Held"])
    won_stages: list[str] = Field(["Closed Won"])
    lost_stages: list[str] = Field(["Closed Lost"])
    #: The users (ids) that are no person; `system` is EspoCRM itself, e.g. in a workflow.
    automated_users: list[str] = Field(["system"])
