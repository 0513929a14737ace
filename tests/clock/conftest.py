"""The world in which the cases of the clock happen, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from app.state import State
from tests.clock.world import World
from tests.conftest import Clock

#: A Wednesday morning in Tokyo, before everything that happens here.
BEGINNING = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)


@pytest.fixture
def world(
    state: State, client: TestClient, clock: Clock, token: Callable[..., dict[str, str]], request: pytest.FixtureRequest
) -> Iterator[World]:
    """A marketing tool `ma`, a sales tool `sfa`, the default SLA. At the end what holds in every world is checked."""
    clock.now = BEGINNING
    made = World(state, client, clock, token("admin"))
    made.source("ma", system="ma", role="ma")
    made.source("sfa", system="sfa", role="sfa")
    failed_before = request.session.testsfailed
    yield made
    if request.session.testsfailed == failed_before:
        made.check()
