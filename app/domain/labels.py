"""Names that people and tools give to things: one line of visible text, without blanks around it."""

from __future__ import annotations

import re

from app.domain.refusals import complaint, refused

#: Control characters, line breaks, halves of characters.
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


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
