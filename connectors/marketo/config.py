"""What a Marketo source can be told, and what Marketo's own activities mean unless it is told otherwise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from connectors.contract import SourceConfig
from connectors.settings import ZoneName, address_like

#: Types of activity that every instance has → Tasuki's word.
ACTIVITIES = {1: "visit", 2: "form", 3: "click"}
ADDRESS = "must be the instance's address, like https://123-ABC-456.mktorest.com"
Word = Annotated[str, Field(min_length=1, max_length=60)]


class MarketoConfig(SourceConfig):
    """One Marketo instance. Lead fields are named by their REST API names."""

    #: Admin → Integration → Web Services → REST API → Endpoint, without /rest.
    base: Annotated[str, address_like("https://123-ABC-456.mktorest.com")] = ""
    score_field: str = "leadScore"
    status_field: str = "leadStatus"
    #: The same two fields as Marketo's activity log calls them.
    score_name: str = "Lead Score"
    status_name: str = "Lead Status"
    #: Numbers of types of activity → the activity. Laid over visit (1), form (2) and click (3).
    activities: dict[int, Word] = Field(default_factory=dict, max_length=4)
    #: Names of forms, pages or links that stand for a document: what was done with them is a download.
    downloads: list[Word] = Field(default_factory=list)
    #: Who tells what leads did. `api`: the activity log, with its own times. `webhook`: the template, for instances
    #: without API access. Never both: each download would count twice.
    activities_from: Literal["api", "webhook"] = "api"
    #: The instance's time zone, in which {{system.dateTime}} is written.
    time_zone: ZoneName = "Asia/Tokyo"

    def word(self, type_: int, asset: str) -> str | None:
        """What the lead did; None: nothing that anybody asked for."""
        known = (ACTIVITIES | self.activities).get(type_)
        return "download" if known and asset in self.downloads else known
