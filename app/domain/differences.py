"""What differs between two versions of a document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

#: Stands for a key that one of the two does not have.
ABSENT: Any = None


@dataclass(frozen=True, slots=True)
class Difference:
    #: JSON pointer.
    place: str
    #: None: not written.
    before: Any
    after: Any


def differences(before: Any, after: Any, place: str = "") -> Iterator[Difference]:
    """Leaf by leaf, in the order of the documents; lists of different length differ as a whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            inside = f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield from differences(before.get(key, ABSENT), after.get(key, ABSENT), inside)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from differences(old, new, f"{place}/{index}")
    elif before != after:
        yield Difference(place, before, after)
