"""What a HubSpot source can be told, and what HubSpot's own words mean unless it is told otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from connectors.contract import EMAIL, ExternalId, LeadStatus, SourceConfig
from connectors.hubspot.wire import record_id
from connectors.records import Channel

DealState = Literal["open", "won", "lost"]
Word = Annotated[str, Field(min_length=1)]

#: The values that every new account has in `hs_lead_status`. An account may rename the labels, seldom these names.
STATUSES = {
    "NEW": LeadStatus.NEW,
    "OPEN": LeadStatus.NEW,  # open for work: nothing says that anybody began
    "IN_PROGRESS": LeadStatus.WORKING,
    "OPEN_DEAL": LeadStatus.CONVERTED,
    "UNQUALIFIED": LeadStatus.DISQUALIFIED,
    "ATTEMPTED_TO_CONTACT": LeadStatus.CONTACTED,  # an attempt by a person is a follow-up
    "CONNECTED": LeadStatus.CONTACTED,
    "BAD_TIMING": LeadStatus.RECYCLED,
}


class HubSpotConfig(SourceConfig):
    """One HubSpot account. `statuses` is laid over STATUSES and may also name lifecycle stages."""

    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = STATUSES

    #: The account (Hub ID). Set it: an app has one address for all accounts that install it.
    portal_id: int | None = None
    #: HubSpot retired its `hubspotscore` in 2025; the lead scoring tool writes a property that you named.
    score_property: str = "hubspotscore"
    owner_property: str = "hubspot_owner_id"
    status_property: str = "hs_lead_status"
    lifecycle_property: str = "lifecyclestage"
    #: Contact properties whose change is something the lead did → the activity, e.g. `{"last_download": "download"}`.
    activity_properties: dict[str, Word] = Field(default_factory=dict)
    #: Deal stage → state. Stages that are not here count by HubSpot's own closed and won marks.
    deal_stages: dict[str, DealState] = Field({"closedwon": "won", "closedlost": "lost"})
    #: Types of task whose completion is a contact → channel. HubSpot's `TODO` is none; empty: no task counts.
    task_types: dict[str, Channel] = Field({"CALL": "call", "EMAIL": "email"})
    #: `changeSource` or `sourceId` of changes that your own integration makes.
    ignore_changes_by: list[str] = Field(default_factory=list)
    #: Sources that are no person: their e-mails are automated, and a stage they set is no decision of sales.
    automated_sources: list[str] = Field(["AUTOMATION_PLATFORM"])
    #: Also take signatures v1 and v2 where v3 is missing. They carry no time: a copied request passes for ever.
    allow_older_signatures: bool = False
    api_base: str = Field("https://api.hubapi.com", pattern=r"^https?://[\w.:-]+$")
    app_base: str = Field("https://app.hubspot.com", pattern=r"^https?://[\w.:-]+$")

    def lead(self, contact: str, *others: str, email: str = "") -> tuple[ExternalId, ...]:
        """The contact's ids, its own first; `others` are ids it had before a merge."""
        ids = [ExternalId(self.system or "hubspot", known) for known in dict.fromkeys((contact, *others))]
        return (*ids, ExternalId(EMAIL, email)) if email else tuple(ids)

    def told_by(self, portal: str) -> str:
        """Belongs into the key of what says the contact's page: a poll does not know the account, if nobody set it."""
        account = record_id(portal)
        return f":{account}" if account and self.portal_id is None else ""

    def record_url(self, portal: str, contact: str) -> dict[str, str]:
        """`{"url": …}` of the contact's page, empty while the account is unknown."""
        account = str(self.portal_id or "") or record_id(portal)
        return {"url": f"{self.app_base}/contacts/{account}/record/0-1/{contact}"} if account else {}
