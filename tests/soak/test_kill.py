"""The short form of kill.py; the long one is `python -m tests.soak.kill` or `pytest -m long`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.soak import kill


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path):
    if request.param == "postgres":
        request.getfixturevalue("monkeypatch").setenv("TEST_DATABASE_URL", request.getfixturevalue("postgres_server"))
    with kill.fresh_database(request.param, tmp_path) as url:
        yield url


@pytest.mark.parametrize("rounds", [4, pytest.param(50, marks=pytest.mark.long)])
def test_killed_again_and_again_nothing_is_lost(empty_database_url, tmp_path, rounds) -> None:
    print(*kill.run(rounds, empty_database_url, tmp_path, seed=rounds), sep="\n")
