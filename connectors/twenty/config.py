"""What a Twenty source can be told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from connectors.contract import SourceConfig
from connectors.records import Channel
from connectors.settings import address_like
from connectors.wire import plain

#: A field's API name, as Settings → Data model shows it.
Name = Annotated[str, Field(pattern=r"^\w*$", max_length=64)]


class TwentyConfig(SourceConfig):
    """One workspace. Fields are named by their API names, choices by their API values."""

    #: Self-hosted: your own address.
    api_base: Annotated[str, address_like("https://acme.twenty.com")] = "https://api.twenty.com"
    #: Where people open records: `https://acme.twenty.com`.
    app_base: Annotated[str, address_like("https://acme.twenty.com")] = ""
    #: Only this workspace may send; it stands as workspaceId in every webhook.
    workspace_id: str = ""
    family_name_first: bool = False
    #: Custom fields of people.
    score_field: Name = ""
    status_field: Name = ""
    #: A relation from people to workspace members, e.g. `owner`.
    owner_field: Name = ""
    #: A custom field of tasks and notes that says what was done. Empty: the beginning of the title says it.
    type_field: Name = ""
    #: Its choices, or beginnings of titles → channel. Empty: no task and no note is a follow-up.
    channels: dict[str, Channel] = Field(default_factory=dict)
    done_statuses: list[str] = Field(["DONE"])
    won_stages: list[str] = Field(["CUSTOMER"])
    lost_stages: list[str] = Field(default_factory=list)
    #: Whatever these made (`createdBy.source`) was made by no person.
    automated_sources: list[str] = Field(["WORKFLOW", "SYSTEM"])

    def channel(self, fields: Mapping[str, Any]) -> Channel | None:
        """None: it was no contact. Of several beginnings the longest counts."""
        if self.type_field:
            return self.channels.get(plain(fields.get(self.type_field)))
        title = plain(fields.get("title")).casefold()
        fitting = [word for word in self.channels if word and title.startswith(word.casefold())]
        return self.channels[max(fitting, key=len)] if fitting else None
