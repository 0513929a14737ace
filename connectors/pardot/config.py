"""What an Account Engagement source can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from connectors.contract import SourceConfig
from connectors.settings import ZoneName, address_like

UNIT = "business_unit_id must be set: Setup → Business Unit Setup shows it, 0Uv and 12 or 15 characters"
Word = Annotated[str, Field(min_length=1, max_length=200)]
#: A prospect field's API name; custom ones end with __c.
Name = Annotated[str, Field(pattern=r"^\w*$", max_length=100)]


class PardotConfig(SourceConfig):
    """One business unit of Account Engagement (Pardot)."""

    business_unit_id: str = Field("", pattern=r"^(0Uv[0-9A-Za-z]{12}([0-9A-Za-z]{3})?)?$")
    #: Sandboxes: https://pi.demo.pardot.com.
    api_base: Annotated[str, address_like("https://pi.pardot.com")] = "https://pi.pardot.com"
    #: The API user's, in which times that name none are written.
    time_zone: ZoneName = "Asia/Tokyo"
    #: Where people open prospects: `https://acme.my.salesforce.com`, or nowhere.
    app_base: Annotated[str, address_like("https://pi.pardot.com")] = ""
    #: The system name of your Salesforce source, whose leads and contacts prospects are joined with. Empty: by e-mail
    #: address alone.
    salesforce: str = Field("salesforce", max_length=60)
    score_field: Name = "score"
    #: A custom field that holds the lead's status, if marketing keeps one.
    status_field: Name = ""
    #: Names of forms, landing pages or links that stand for a document: what was done with them is a download.
    downloads: list[Word] = Field(default_factory=list)
    #: Numbers of types of activity → the activity, beside those that Tasuki knows; empty: not this one.
    activities: dict[int, Annotated[str, Field(max_length=60)]] = Field(default_factory=dict)
    #: Visits and page views are many; on, they are kept.
    visits: bool = False
