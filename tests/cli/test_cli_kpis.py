"""`tasuki kpi`: the board, a figure by group, its rows, and how the company counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.flows import funnel, ledger
from connectors.contract import ExternalId
from tests.flows.conftest import fact, mql

LONG_AGO = datetime.now(UTC).replace(microsecond=0) - timedelta(days=50)


@pytest.fixture
def quarter(tasuki_anywhere, state_of) -> Any:
    """Two that became MQL; one of them became SQL within days."""
    state = state_of(tasuki_anywhere)
    first, second = ((ExternalId("hubspot", f"k{number}"),) for number in (1, 2))
    facts = [*mql(LONG_AGO, lead=first), *mql(LONG_AGO, lead=second)]
    facts.append(fact("disposition", LONG_AGO + timedelta(days=2), lead=first, outcome="sql"))
    with state.database.write() as c:
        ledger.apply(c, facts, state.versions.read(c), LONG_AGO + timedelta(days=3))
    while funnel.catch_up(state.database):
        pass
    return tasuki_anywhere


def test_the_board_says_how_each_figure_is_counted(quarter) -> None:
    said = quarter("kpi", "board").stdout
    assert "MQL to SQL conversion [mql_to_sql]" in said
    assert "Of the MQLs of the period: SQL within 30 days" in said
    shown = {entry["key"]: entry for entry in quarter.json("kpi", "board")}
    assert (shown["mql_to_sql"]["rows"], shown["mqls"]["value"]) == ({"hit": 1, "miss": 1}, 2)


def test_a_figure_by_group_and_its_rows(quarter) -> None:
    assert "1/2" in quarter("kpi", "show", "mql_to_sql", "--by", "content").stdout
    assert [row["state"] for row in quarter.json("kpi", "rows", "mql_to_sql")] == ["hit", "miss"]
    assert "not reached" in quarter("kpi", "rows", "mql_to_sql").stdout
    assert "asset" not in quarter("kpi", "rows", "visits").stdout


def test_the_company_chooses_how_to_count(quarter, tmp_path) -> None:
    file = tmp_path / "kpis.yaml"
    file.write_text("window_days: 1\ntargets:\n  mql_to_sql: 0.3\n")
    assert "version 1" in quarter("kpi", "define", str(file)).stdout
    assert "window_days: 1" in quarter("kpi", "definition").stdout
    (rate,) = (entry for entry in quarter.json("kpi", "board") if entry["key"] == "mql_to_sql")
    assert (rate["rows"], rate["target"]) == ({"miss": 2}, 0.3)
    file.write_text("window_days: 0\n")
    assert "kpis.yaml:1: /window_days" in quarter("kpi", "define", str(file), exits=3).output


def test_a_period_that_ends_before_it_begins(quarter) -> None:
    quarter("kpi", "board", "--first", "2026-09-30", "--last", "2026-09-01", exits=2)
