"""Absences: entered, listed while they last, removed; nonsense is refused with its place."""

from __future__ import annotations

import pytest

from tests.conftest import FRIDAY

AWAY = {
    "owner": "rep-1",
    "since": "2026-09-18T00:00:00Z",
    "until": "2026-09-28T00:00:00Z",
    "delegate": "suzuki@example.jp",
}


def test_entered_listed_and_removed(client, token) -> None:
    made = client.post("/v1/absences", json=AWAY, headers=token("write"))
    assert (made.status_code, made.json()["id"]) == (201, 1)
    (shown,) = client.get("/v1/absences", headers=token("read")).json()["items"]
    assert shown == AWAY | {"id": 1, "by": "test write"}
    assert client.delete("/v1/absences/1", headers=token("write")).status_code == 204
    assert client.get("/v1/absences", headers=token("read")).json()["items"] == []
    assert client.delete("/v1/absences/1", headers=token("write")).status_code == 404


def test_what_is_over_is_not_listed(client, token, clock) -> None:
    client.post("/v1/absences", json=AWAY | {"until": "2026-09-18T09:00:00Z"}, headers=token("write"))
    assert len(client.get("/v1/absences", headers=token("read")).json()["items"]) == 1
    clock.now = FRIDAY.replace(hour=9)
    assert client.get("/v1/absences", headers=token("read")).json()["items"] == []


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"until": AWAY["since"]}, "/until"),
        ({"delegate": "suzuki"}, "/delegate"),
        ({"owner": ""}, "/owner"),
        ({"since": "2026-09-18"}, "/since"),
    ],
)
def test_nonsense_is_refused(client, token, changed, place) -> None:
    refused = client.post("/v1/absences", json=AWAY | changed, headers=token("write"))
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, place)
