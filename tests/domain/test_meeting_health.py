"""How well the meeting works, over several of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.domain.health import Held, health
from app.domain.statistics import Share

M = timedelta(minutes=1)


def held(late: float = 0, overrun: float = 0, done: tuple[int, int] = (0, 0), ratings: tuple[int, ...] = ()) -> Held:
    return Held(1, late * M, overrun * M, 1, Share(*done), ratings, ())


@pytest.mark.parametrize(
    ("some", "in_time", "actions", "rating"),
    [
        ([], Share(0, 0), Share(0, 0), None),
        ([held()], Share(1, 1), Share(0, 0), None),
        ([held(late=5, overrun=5), held(late=5.1), held(overrun=6)], Share(1, 3), Share(0, 0), None),
        ([held(late=-10, overrun=-20)], Share(1, 1), Share(0, 0), None),
        ([held(done=(2, 3)), held(done=(0, 1))], Share(2, 2), Share(2, 4), None),
        # A meeting counts once, however many rated it; one that nobody rated does not count.
        ([held(ratings=(5, 5, 5)), held(ratings=(1,)), held()], Share(3, 3), Share(0, 0), 3.0),
    ],
)
def test_together(some, in_time, actions, rating) -> None:
    found = health(some)
    assert (found.meetings, found.in_time, found.actions, found.rating) == (len(some), in_time, actions, rating)
