"""How much work fits into one transaction so that a webhook's commit never waits long behind it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

#: Seconds. A webhook is answered after its commit, and on SQLite one transaction is written at a time.
LONGEST = 0.04
FEWEST = 5
#: Items of the first batch, of which nobody knows yet how long they take.
FIRST = 20


class Pace:
    """On SQLite the size of a batch follows from how long the last one took; PostgreSQL's writers do not wait for
    each other, so there it is always the most."""

    def __init__(self, most: int, *, one_writer: bool) -> None:
        self._most, self._one_writer = most, one_writer
        self.size = min(FIRST, most) if one_writer else most

    @contextmanager
    def timed(self, done: int) -> Iterator[None]:
        """Around a transaction that works on `done` items."""
        began = time.perf_counter()
        yield
        self._learn(done, time.perf_counter() - began)

    def _learn(self, done: int, took: float) -> None:
        if not self._one_writer or not done:
            return
        fitting = int(done * LONGEST / max(took, 1e-6))
        # A small batch says little about a large one: grow by doubling, shrink at once.
        self.size = max(FEWEST, min(self._most, fitting, 2 * max(done, self.size)))
