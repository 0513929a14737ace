import pytest

from connectors import asking
from tests.clock.conftest import world as world

pytest.register_assert_rewrite("security", "journey", "tests.connectors.journey")


@pytest.fixture(autouse=True)
def _closed_circuits(monkeypatch: pytest.MonkeyPatch) -> None:
    """What failed in one test is asked again in the next."""
    monkeypatch.setattr(asking, "CIRCUITS", asking.Circuits())
