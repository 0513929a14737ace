"""What a Zoho CRM source can be told, and what Zoho's own words mean unless it is told otherwise.

Zoho writes choices in the language that the account was set up in, so each word has its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from connectors.contract import LeadStatus, SourceConfig
from connectors.records import Channel

State = Literal["open", "won", "lost"]
Direction = Literal["outbound", "inbound"]
#: `planned`: not yet, or never.
Done = Literal["done", "planned"]

DIRECTIONS: dict[str, Direction] = {
    "Outbound": "outbound",
    "Inbound": "inbound",
    "Missed": "inbound",
    "発信": "outbound",
    "着信": "inbound",
    "不在着信": "inbound",
}
#: Of calls and tasks.
PROGRESS: dict[str, Done] = {
    "Completed": "done",
    "Scheduled": "planned",
    "Overdue": "planned",
    "Cancelled": "planned",
    "Not Started": "planned",
    "In Progress": "planned",
    "Deferred": "planned",
    "Waiting for input": "planned",
    "Waiting on someone else": "planned",
    "完了": "done",
    "予定": "planned",
    "期限切れ": "planned",
    "キャンセル": "planned",
    "未着手": "planned",
    "進行中": "planned",
}
#: The subjects that Zoho proposes for a task; all other tasks are no contact.
TASKS: dict[str, Channel] = {"Call": "call", "Email": "email", "Meeting": "meeting"}
STAGES: dict[str, State] = {
    "Qualification": "open",
    "Needs Analysis": "open",
    "Value Proposition": "open",
    "Identify Decision Makers": "open",
    "Id. Decision Makers": "open",
    "Proposal/Price Quote": "open",
    "Negotiation/Review": "open",
    "Closed Won": "won",
    "Closed Lost": "lost",
    "Closed Lost to Competition": "lost",
    "Closed-Lost to Competition": "lost",
}
#: What Zoho calls an empty choice.
NONE = "-None-"
#: What Tasuki calls the status of a converted lead.
CONVERTED = "Converted"


class ZohoConfig(SourceConfig):
    """One Zoho CRM account. Fields are named by their API names."""

    usual_statuses: ClassVar[Mapping[str, LeadStatus]] = {
        "Not Contacted": LeadStatus.NEW,
        "Attempted to Contact": LeadStatus.CONTACTED,
        "Contacted": LeadStatus.CONTACTED,
        "Contact in Future": LeadStatus.RECYCLED,
        "Junk Lead": LeadStatus.DISQUALIFIED,
        "Lost Lead": LeadStatus.DISQUALIFIED,
        "Not Qualified": LeadStatus.DISQUALIFIED,
        CONVERTED: LeadStatus.CONVERTED,
    }

    #: The API of the account's data centre: https://www.zohoapis.jp, .eu, .in, .com.au …
    api_base: str = Field("https://www.zohoapis.com", pattern=r"^https?://[\w.:-]+$")
    #: Where people open records: `https://crm.zoho.jp/crm/org20071234567`.
    app_base: str = Field("", pattern=r"^(https?://[\w.:-]+(/[\w-]+)*)?$")
    #: The channel of the notifications. Empty: made from the source's address, so that two sources have two.
    channel_id: str = Field("", pattern=r"^\d{0,18}$")
    #: The number field of leads and contacts that holds the score.
    score_field: str = "Score"
    status_field: str = "Lead_Status"
    #: A user field of leads and contacts that says whose they are.
    owner_field: str = "Owner"
    #: Your own words of Call_Type.
    call_types: dict[str, Direction] = Field(default_factory=dict)
    #: Your own words of Outgoing_Call_Status and of a task's Status.
    progress: dict[str, Done] = Field(default_factory=dict)
    #: Subjects of tasks whose completion is a contact → channel.
    task_subjects: dict[str, Channel] = Field(default_factory=dict)
    #: Your own stages of deals.
    deal_stages: dict[str, State] = Field(default_factory=dict)
    #: The users (ids) that are no person, e.g. the one that an integration works as.
    automated_users: list[str] = Field(default_factory=list)

    def direction(self, word: str) -> Direction | None:
        return (DIRECTIONS | self.call_types).get(word)

    def done(self, word: str) -> Done | None:
        return (PROGRESS | self.progress).get(word)

    def task_channel(self, subject: str) -> Channel:
        return (TASKS | self.task_subjects).get(subject, "other")

    def state(self, stage: str) -> State | None:
        return (STAGES | self.deal_stages).get(stage)
