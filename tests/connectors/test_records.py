"""What a record of any tool tells fits the canonical schema, whatever stands in the place of its id."""

from datetime import UTC, datetime

import pytest

from connectors.contract import CanonicalEvent, SourceConfig
from connectors.records import Record
from connectors.standard.schema import ID_LENGTH, check_canonical

NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("length", [1, 100, 101, ID_LENGTH])
def test_an_id_of_any_length_makes_keys_that_the_ledger_takes(length: int) -> None:
    record = Record("calls", "9" * length, {}, NOW, NOW, SourceConfig(), "tool")
    lead = record.person("7" * length)
    told = [
        *record.profile(lead, name="山田 花子"),
        *record.activity(lead, "download", NOW, key="x" * length),
        *record.follow_up([lead], "call", NOW),
        *record.taken_back([lead], "deleted"),
        *record.taken_back_from_all("deleted"),
    ]
    assert len(told) == 5
    for event in told:
        assert isinstance(event, CanonicalEvent)
        check_canonical(event)


def test_two_records_with_long_ids_stay_two() -> None:
    names = {Record("calls", "9" * 450 + end, {}, NOW, NOW, SourceConfig(), "tool").name for end in "12"}
    assert len(names) == 2
