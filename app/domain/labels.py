"""Names that people and tools give to things: one line of visible text, without blanks around it."""

from __future__ import annotations

import re

from app.domain.refusals import complaint, refused

#: Control characters, line breaks, halves of characters.
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

#: An e-mail address that mail programs take without quoting.
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
NO_ADDRESS = "Write an e-mail address, such as suzuki@example.jp."


def email_address(words: str) -> str:
    """For models: an e-mail address without blanks around it."""
    if not ADDRESS.fullmatch(words.strip()):
        raise complaint("no_address", NO_ADDRESS)
    return words.strip()


def one_line(words: str) -> str:
    """For models: the words without blanks around them."""
    if UNFIT.search(words.strip()):
        raise complaint("one_line", "Must be one line of visible text.")
    return words.strip()


def name_of(words: str, most: int) -> str:
    """The same outside of models, where the name must not be empty. Raises Refused, without a place."""
    tidy = words.strip()
    if not tidy or UNFIT.search(tidy):
        raise refused("", "one_line", "Must be one line of visible text.")
    if len(tidy) > most:
        raise refused("", "string_too_long", "May have {max_length} characters at most.", max_length=most)
    return tidy
