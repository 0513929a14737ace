"""What a Pipedrive source can be told, and what Pipedrive's own words mean unless it is told otherwise."""

from __future__ import annotations

from pydantic import Field

from connectors.contract import SourceConfig
from connectors.records import Channel

#: The types of activity that every new account has.
CHANNELS: dict[str, Channel] = {"call": "call", "email": "email", "meeting": "meeting", "lunch": "meeting"}


class PipedriveConfig(SourceConfig):
    """One Pipedrive company. Custom fields are named by their key of 40 characters."""

    #: The account's number (`company_id`). Set it: the password alone does not say which company sends.
    company_id: str = ""
    #: Where people open records: `https://acme.pipedrive.com`.
    app_base: str = Field("", pattern=r"^(https?://[\w.:-]+)?$")
    api_base: str = Field("https://api.pipedrive.com", pattern=r"^https?://[\w.:-]+$")
    #: Pipedrive has no score: the custom person field that your MA writes it into.
    score_field: str = ""
    #: The custom person field that holds the lead's status; choices are known by their numbers.
    status_field: str = ""
    #: A user field of persons that says whose they are; a custom one by its key.
    owner_field: str = "owner_id"
    #: Your own types of activity → channel. `task` and `deadline` are no contact and stay out.
    activity_types: dict[str, Channel] = Field(default_factory=dict)
    #: The users (numbers) that are no person, e.g. the one that an automation works as.
    automated_users: list[str] = Field(default_factory=list)

    def channel(self, type_: str) -> Channel | None:
        return (CHANNELS | self.activity_types).get(type_)
