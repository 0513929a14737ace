"""A lead that became MQL on Friday, and what the API needs around it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.flows import ledger, sweep
from app.flows.ledger import Fact
from app.state import State
from connectors.contract import ExternalId
from tests.api.board import DAY, SERIES, Board
from tests.conftest import FRIDAY, Clock
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
MAIL = ExternalId("email", "sato@yamada.example")


def person(number: int) -> tuple[ExternalId, ...]:
    return (ExternalId("hubspot", str(500 + number)),)


class Office:
    """What happens in the tools, and the API as a client with every scope sees it."""

    def __init__(self, state: State, client: TestClient, clock: Clock, headers: dict[str, str]) -> None:
        self.state, self.client, self.clock, self.headers = state, client, clock, headers

    def happens(self, *facts: Fact) -> None:
        with self.state.database.write() as c:
            ledger.apply(c, list(facts), self.state.versions.read(c), self.clock())

    def becomes_mql(self, number: int = 1, after: timedelta = timedelta()) -> None:
        who, at = person(number), FRIDAY + after
        self.happens(
            fact("lead", at - 5 * H, lead=who, name="佐藤 翔太", company="山田製作所"),
            fact("owner", at - 5 * H, lead=who, owner="tanaka", name="田中 舞"),
            *mql(at, lead=who),
        )

    def called(self, at_hours: float, number: int = 1, **data: Any) -> None:
        said = {"channel": "call", "automated": False, "by": "田中 舞"} | data
        at = FRIDAY + at_hours * H
        self.happens(fact("follow_up", at, lead=person(number), received_at=self.clock(), **said))

    def hours_pass(self, hours: float) -> None:
        """The clock stands that many hours after Friday's qualification, and the sweep has looked."""
        self.clock.now = FRIDAY + hours * H
        sweep.run(self.state.database, self.state.versions, self.clock())

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def asks(self, method: str, path: str, **given: Any) -> Any:
        headers = self.headers | given.pop("headers", {})
        return self.client.request(method, path, headers=headers, **given)


@pytest.fixture
def office(state: State, client: TestClient, clock: Clock, token: Callable[..., dict[str, str]]) -> Office:
    return Office(state, client, clock, token("admin"))


@pytest.fixture
def board(office) -> Board:
    office.clock.now = FRIDAY - 16 * DAY
    made = office.asks("PUT", "/v1/meetings/series/default", json={"series": SERIES})
    assert made.status_code == 200, made.text
    office.clock.now = FRIDAY
    return Board(office)
