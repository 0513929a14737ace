"""Types of what a source can be told, for the configurations of connectors."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator

from connectors.api import host_address
from connectors.contract import AskFailed


def address_like(example: str) -> AfterValidator:
    """`https://host[:port]`, kept without a slash at the end; empty stays empty. http for this machine alone."""

    def address(given: str) -> str:
        try:
            return host_address(given, f"must be an address like {example}") if given.strip() else ""
        except AskFailed as wrong:
            raise ValueError(str(wrong)) from None

    return AfterValidator(address)


def zone_name(given: str) -> str:
    try:
        return ZoneInfo(given).key
    except (KeyError, ValueError, OSError):
        raise ValueError("must be a time zone like Asia/Tokyo") from None


#: A name of the IANA time zone database.
ZoneName = Annotated[str, AfterValidator(zone_name)]
