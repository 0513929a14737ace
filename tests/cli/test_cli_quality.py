"""`tasuki quality`: the list of things to do, and every case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from app.domain.quality import Kind
from app.domain.statistics import Share
from app.flows import ledger, sources
from app.flows.ledger import Fact
from app.models import Delivery
from connectors.contract import CanonicalEvent, EventKind, ExternalId

H, DAY = timedelta(hours=1), timedelta(days=1)
BEGAN = datetime.now(UTC).replace(microsecond=0) - 2 * DAY


def fact(kind: str, at: datetime, whom: str, key: str, *, source: int = 1, **said: Any) -> Fact:
    who = (ExternalId("ma", f"m-{whom}"), ExternalId("sfa", f"s-{whom}"))
    recorded_at, received_at = said.pop("recorded_at", None), said.pop("received_at", at)
    event = CanonicalEvent(
        key, EventKind(kind), at, who[:1] if said.pop("marketing", False) else who, said, recorded_at
    )
    return Fact(ledger.event_id(source, key), event, received_at, source, None)


@pytest.fixture
def mess(tasuki_anywhere, state_of) -> Any:
    """A lead without an owner, one that sales has never seen, a late call, and words that nobody mapped."""
    state = state_of(tasuki_anywhere)
    with state.database.write() as c:
        for name in ("ma", "sfa"):
            given = {"name": name, "kind": "standard", "config": {"role": name, "system": name}, "secret": "whsec_x"}
            sources.add(c, state.vault, now=BEGAN, **given)
        read = [fact("activity", BEGAN - n * H, "a", f"d{n}", activity="download", asset=f"d{n}") for n in (1, 2, 3)]
        told = [
            fact("lead", BEGAN - 5 * H, "a", "l", name="佐藤 翔太", company="山田製作所"),
            *read,
            fact("score", BEGAN - H, "a", "s0", score=86),
            fact("score", BEGAN - H + timedelta(minutes=3), "a", "s1", score=12),
            fact("lead", BEGAN, "b", "b", marketing=True, name="林 彩", company="山田製作所"),
            fact("follow_up", BEGAN, "c", "f", source=2, channel="call", by="田中 舞", recorded_at=BEGAN + 5 * H),
            fact("status", BEGAN, "c", "st", source=2, status=None, raw="架電済み"),
            fact("activity", BEGAN + 900 * DAY, "c", "x", received_at=BEGAN, activity="見学"),
        ]
        ledger.apply(c, told, state.versions.read(c), BEGAN + H)
        row = {"source_id": 1, "received_at": BEGAN, "method": "POST", "url": "/", "headers": {}, "body": b"x"}
        row |= {"state": "quarantined", "reason": "[0].score: no number", "not_before": BEGAN}
        c.execute(insert(Delivery).values([row, row]))
    return tasuki_anywhere


def line(said: str, kind: str) -> str:
    return next(each for each in said.splitlines() if each.startswith(kind))


def test_the_list_of_things_to_do(mess, state_of) -> None:
    said = mess("quality").stdout
    zone = state_of(mess).settings.zone
    assert [each.split()[0] for each in said.splitlines()[2 : 2 + len(Kind)]] == [kind.value for kind in Kind]
    quarantined = line(said, "quarantined")
    assert f"2   {BEGAN.astimezone(zone):%a %Y-%m-%d %H:%M}" in quarantined
    assert "then `tasuki deliveries replay`." in quarantined
    assert line(said, "open_ended_pauses").split()[-3:] == ["0", "–", "–"]
    assert "`tasuki quality KIND` lists every case." in said


def test_the_same_in_japanese_and_for_programs(mess) -> None:
    assert (
        "対応付けまたは認証情報を直し、`tasuki deliveries replay` で再処理してください。"
        in mess("quality", "--lang", "ja").stdout
    )
    listed = {entry["kind"]: entry for entry in mess.json("quality")}
    assert listed["quarantined"] == {
        "kind": "quarantined",
        "count": 2,
        "oldest_at": f"{BEGAN:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert {kind for kind, entry in listed.items() if entry["count"]} == set(CASES)


#: Kind → what the only line of its table says.
CASES = {
    "ownerless": ["山田製作所 佐藤 翔太", "In time"],
    "ma_only": ["山田製作所 林 彩"],
    "late_logging": ["田中 舞", "1/1", "5h"],
    "score_jumps": ["ma", "86 → 12", "山田製作所 佐藤 翔太"],
    "quarantined": ["ma", "2", "score: no number"],
    "unmapped_statuses": ["sfa", "架電済み", '"架電済み": contacted'],
    "unmapped_channels": ["ma", "見学"],
    "impossible_times": ["Activity", "still to come when it was received"],
}


@pytest.mark.parametrize("kind", CASES)
def test_every_case_in_words(mess, kind) -> None:
    said = mess("quality", kind).stdout
    last = said.splitlines()[-2]
    assert [word for word in CASES[kind] if word not in last] == []
    assert said.splitlines()[-1].endswith(".")  # what to do
    assert mess.json("quality", kind)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in CASES])
def test_where_there_is_nothing(mess, kind) -> None:
    assert mess("quality", kind).stdout == "Nothing to mend here.\n"
    assert mess.json("quality", kind) == []


def test_how_far_back(mess) -> None:
    assert mess("quality", "unmapped_statuses", "--days", "1").stdout == "Nothing to mend here.\n"
    assert "365" in mess("quality", "--days", "366", exits=2).output
    assert mess("quality", "nonsense", exits=2)


def test_of_few_entries_no_rate_is_told(mess) -> None:
    said = mess("quality", "late_logging").stdout
    assert "%" not in said
    assert "everybody" in said
    assert Share(1, 1).rate == 1


def test_more_than_fits(mess) -> None:
    assert "ask for them with --limit" in mess("quality", "late_logging", "--limit", "1").stdout
