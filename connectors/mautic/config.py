"""What a Mautic source can be told."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from connectors.api import host_address
from connectors.contract import AskFailed, SourceConfig

ADDRESS = "must be the address where Mautic is opened, like https://mautic.example.jp or https://www.example.jp/mautic"
Word = Annotated[str, Field(min_length=1, max_length=200)]


class MauticConfig(SourceConfig):
    """One Mautic instance. Contact fields are named by their aliases."""

    #: Where Mautic is opened; its API is asked there, and people open contacts there.
    base: str = ""
    #: The contact field that holds the lead's status, if marketing keeps one.
    status_field: str = ""
    #: The contact field that holds the score. Empty: Mautic's points.
    score_field: str = ""
    #: Names of forms whose submission is the download of a document.
    downloads: list[Word] = Field(default_factory=list)
    #: Page hits are many; on, they are kept as visits.
    visits: bool = False

    @field_validator("base")
    @classmethod
    def _address(cls, given: str) -> str:
        host, slash, folder = given.strip().rstrip("/").partition("://")[2].partition("/")
        try:
            known = host_address(given.strip().split("://")[0] + "://" + host, ADDRESS) if given.strip() else ""
        except AskFailed as wrong:
            raise ValueError(str(wrong)) from None
        if not set(folder) <= FOLDER:
            raise ValueError(ADDRESS)
        return known + slash + folder


FOLDER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./")
