"""A few of the rounds of `python -m tests.soak.kill`; the full fifty carry the mark `long`."""

from __future__ import annotations

import pytest

from tests.soak.kill import kill_rounds


@pytest.fixture
def empty_database_url(request, postgres_server, tmp_path) -> str:
    """The rounds migrate by themselves, as a first start does."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/tasuki.db"
    return request.getfixturevalue("new_postgres_database")


@pytest.mark.parametrize("empty_database_url", ["sqlite", "postgres"], indirect=True)
@pytest.mark.parametrize("rounds", [3, pytest.param(50, marks=pytest.mark.long)])
def test_killed_under_load_nothing_is_lost(empty_database_url, rounds) -> None:
    outcome = kill_rounds(empty_database_url, rounds, seed=rounds)
    assert outcome.faults == []
    assert outcome.kills == rounds
    assert outcome.acknowledged > 50 * rounds
    assert outcome.breaches > 0
