import time

import pytest

from connectors import asking
from tests.clock.conftest import world as world

pytest.register_assert_rewrite("security", "journey", "tests.connectors.journey")


@pytest.fixture(autouse=True)
def _closed_circuits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed in one test is asked again in the next."""
    monkeypatch.setattr(asking, "CIRCUITS", asking.Circuits())


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of examples ask accounts of the tests' own; limiters with a clock of their own count as they do."""
    take = asking.Limiter.take

    def at_once(limiter: asking.Limiter, key: str, patience: float = float("inf")) -> float:
        return 0.0 if limiter.clock is time.monotonic else take(limiter, key, patience)

    monkeypatch.setattr(asking.Limiter, "take", at_once)
