"""Salesforce record ids: 15 characters where case matters, or the same with 3 more that make it safe to lose case."""

from __future__ import annotations

import re

SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
#: One character for five bits.
CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

#: The first three characters say what a record is.
LEAD, CONTACT, USER, QUEUE = "00Q", "003", "005", "00G"


class NotAnId(ValueError):
    """The text is not the id of a Salesforce record."""

    def __init__(self, value: str) -> None:
        super().__init__(
            f"{value[:40]!r} is not a Salesforce id (15 characters, or 18 of which the last 3 fit the rest)"
        )


def normal_id(value: str) -> str:
    """The 18-character form of an id in either form; NotAnId when it is none or its last 3 characters do not fit."""
    if not SHAPE.fullmatch(value):
        raise NotAnId(value)
    significant, given = value[:15], value[15:]
    checksum = "".join(CHECKSUM[capitals(significant[at : at + 5])] for at in (0, 5, 10))
    if given.upper() not in ("", checksum):
        raise NotAnId(value)
    return significant + checksum


def is_id(value: str) -> bool:
    try:
        normal_id(value)
    except NotAnId:
        return False
    return True


def capitals(block: str) -> int:
    """Which of the characters are capitals, as bits; the first character is the lowest bit."""
    return sum(1 << at for at, character in enumerate(block) if "A" <= character <= "Z")


def same_record(left: str, right: str) -> bool:
    """Whether two ids name one record; only the first 15 characters say so, and their case matters."""
    return left[:15] == right[:15]
