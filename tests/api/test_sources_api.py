"""Sources and what they deliver: secrets are shown once, nothing that was received is lost."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.demo import senders
from app.models import Delivery, Source

EVENT = {
    "id": "score-1",
    "kind": "score",
    "occurred_at": "2026-09-18T17:00:00+09:00",
    "lead": {"id": "L-1"},
    "score": 82,
}


def add(office: Any, **more: Any) -> dict[str, Any]:
    answer = office.asks("POST", "/v1/sources", json={"name": "seminar", "kind": "standard"} | more)
    assert answer.status_code == 201, answer.text
    added: dict[str, Any] = answer.json()
    return added


def send(office: Any, secret: str, event: dict[str, Any] = EVENT, number: int = 1) -> int:
    webhook = senders.seminar([event], f"msg_{number}", secret, office.clock())
    return office.client.post(webhook.path, content=webhook.body, headers=dict(webhook.headers)).status_code


def test_a_secret_that_tasuki_makes_is_shown_once_and_opens_the_webhook(office) -> None:
    added = add(office)
    assert added["secret"].startswith("whsec_")
    assert added["webhook_url"] == "https://tasuki.example.com/webhooks/seminar"
    assert send(office, added["secret"]) == 202
    for path in ("/v1/sources", "/v1/sources/seminar"):
        assert added["secret"] not in str(office.get(path))
    with office.state.database.read() as c:
        assert added["secret"].encode() not in c.execute(select(Source.secrets)).scalar_one()


def test_a_given_secret_is_never_shown(office) -> None:
    answer = add(office, secret="given-by-the-tool", credential="pat-jp1-0000")
    assert (answer["secret"], answer["has_credential"]) == (None, True)
    assert "given-by-the-tool" not in str(answer)
    assert "pat-jp1-0000" not in str(answer)


def test_rotating_keeps_the_secret_before_valid(office) -> None:
    first = add(office)["secret"]
    second = office.asks("POST", "/v1/sources/seminar/rotate").json()
    assert second["rotated_at"] == "2026-09-18T08:30:00Z"
    assert [send(office, secret) for secret in (first, second["secret"])] == [202, 202]
    third = office.asks("POST", "/v1/sources/seminar/rotate", json={"secret": "whsec_MDEyMzQ1Njc4OTAxMjM0NQ=="}).json()
    assert third["secret"] is None
    assert [send(office, s) for s in (first, second["secret"], "whsec_MDEyMzQ1Njc4OTAxMjM0NQ==")] == [401, 202, 202]


def test_disabled_means_404_until_enabled_and_takes_effect_at_once(office) -> None:
    secret = add(office)["secret"]
    assert send(office, secret) == 202
    assert office.asks("POST", "/v1/sources/seminar/disable").json()["disabled_at"] == "2026-09-18T08:30:00Z"
    assert send(office, secret) == 404
    assert office.asks("POST", "/v1/sources/seminar/enable").json()["disabled_at"] is None
    assert send(office, secret) == 202


def test_configuration_and_credential(office) -> None:
    add(office, name="sfa", kind="salesforce", config={"organization_id": "00D5i000001DemoEAA"})
    changed = office.asks("PUT", "/v1/sources/sfa/config", json={"config": {"statuses": {"商談中": "qualified"}}})
    assert changed.json()["config"] == {"statuses": {"商談中": "qualified"}}
    assert office.get("/v1/sources/sfa")["has_credential"] is False
    office.asks("PUT", "/v1/sources/sfa/credential", json={"credential": "00D5i!token"})
    shown = office.get("/v1/sources/sfa")
    assert (shown["has_credential"], "00D5i!token" in str(shown)) == (True, False)
    refused = office.asks("PUT", "/v1/sources/sfa/config", json={"config": {"statuses": {"商談中": "qualifyed"}}})
    (error,) = refused.json()["errors"]
    assert (error["pointer"], error["suggestion"]) == ("/config/statuses/商談中", "qualified")


def test_a_name_is_given_once(office) -> None:
    add(office)
    again = office.asks("POST", "/v1/sources", json={"name": "seminar", "kind": "standard"})
    assert (again.status_code, again.json()["errors"][0]["pointer"]) == (422, "/name")


@pytest.fixture
def quarantined(office):
    """One delivery that was understood and one that was not."""
    office.secret = add(office)["secret"]
    send(office, office.secret)
    send(office, office.secret, EVENT | {"id": "score-2", "score": "高い"}, 2)
    office.state.ledger.drain(office.clock())
    return office


def test_deliveries_say_where_they_are_and_why(quarantined) -> None:
    bad, good = quarantined.get("/v1/deliveries")["items"]
    assert (good["state"], good["source"], good["applied_at"]) == ("applied", "seminar", "2026-09-18T08:30:00Z")
    assert (bad["state"], bad["next_try_at"]) == ("quarantined", None)
    assert "score" in bad["reasons"][0]
    assert quarantined.get(f"/v1/deliveries/{bad['id']}") == bad
    for query, found in (
        ({"state": "applied"}, [good]),
        ({"source": "seminar"}, [bad, good]),
        ({"state": "asking"}, []),
    ):
        assert quarantined.get("/v1/deliveries", **query)["items"] == found


def test_the_payload_is_for_admins_alone(quarantined, token) -> None:
    payload = quarantined.asks("GET", "/v1/deliveries/2/payload")
    assert (payload.headers["content-type"], payload.json()[0]["score"]) == ("text/plain; charset=utf-8", "高い")
    assert quarantined.client.get("/v1/deliveries/2/payload", headers=token("write")).status_code == 403


@pytest.mark.parametrize(
    ("path", "body", "waiting"),
    [
        ("/v1/deliveries/2/replay", None, [2]),
        ("/v1/deliveries/1/replay", None, [1]),
        ("/v1/deliveries/replay", None, [2]),
        ("/v1/deliveries/replay", {"source": "seminar"}, [2]),
    ],
)
def test_replay(quarantined, path, body, waiting) -> None:
    quarantined.state.stored.clear()
    answer = quarantined.asks("POST", path, json=body) if body else quarantined.asks("POST", path)
    assert answer.status_code == 202
    with quarantined.state.database.read() as c:
        assert c.execute(select(Delivery.id).where(Delivery.state == "waiting")).scalars().all() == waiting
    assert quarantined.state.stored.is_set(), "the ledger starts at once"
    assert quarantined.state.ledger.drain(quarantined.clock()) == 1
    assert [item["state"] for item in quarantined.get("/v1/deliveries")["items"]] == ["quarantined", "applied"]


def test_replay_of_one_source_leaves_the_others_alone(quarantined) -> None:
    add(quarantined, name="other")
    assert quarantined.asks("POST", "/v1/deliveries/replay", json={"source": "other"}).json() == {"replayed": 0}
    assert quarantined.asks("POST", "/v1/deliveries/replay", json={"source": "nobody"}).status_code == 404


def test_health_tells_how_far_behind(quarantined) -> None:
    send(quarantined, quarantined.secret, EVENT | {"id": "score-3"}, 3)
    health = quarantined.client.get("/health").json()
    assert health["deliveries_waiting"] == {"count": 1, "oldest_seconds": 0}
    assert health["deliveries_quarantined"]["count"] == 1
    assert "高い" not in str(health)
