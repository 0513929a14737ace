"""POST /webhooks/{source}: what is answered, and what is stored by then."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from app.flows import sources
from app.models import Delivery, Event, Handoff, Lead
from tests.conftest import FRIDAY

FIXTURES = Path(__file__).parent / "fixtures"
SECRET = sources.new_secret()


@pytest.fixture
def add_source(state, clock):
    def add(name: str, kind: str = "standard", secret: str = SECRET, **config: object) -> None:
        with state.database.write() as c:
            sources.add(c, state.vault, name=name, kind=kind, config=config, secret=secret, now=clock())
        state.directory.forget()

    return add


@pytest.fixture
def send(client, clock):
    """Post a body to a standard source, signed as Standard Webhooks says."""

    def post(
        content: object, *, source: str = "ma", secret: str = SECRET, age: timedelta = timedelta(), **headers: str
    ):
        body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
        at = str(int((clock() - age).timestamp()))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.new(key, f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()).decode()
        signed = {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}
        return client.post(f"/webhooks/{source}", content=body, headers=signed | headers)

    return post


def stored(state) -> int:
    with state.database.read() as c:
        return c.scalar(select(func.count()).select_from(Delivery)) or 0


def an_event(n: int = 1, **said: object) -> dict[str, object]:
    lead = {"id": "501", "email": "sato@yamada.example"}
    return {"id": f"e-{n}", "kind": "score", "occurred_at": FRIDAY.isoformat(), "lead": lead, "score": 86} | said


def a_download(n: int) -> dict[str, object]:
    event = an_event(n, kind="activity", activity="download", asset=f"asset-{n}", title=f"資料{n}")
    del event["score"]
    return event


def test_a_genuine_delivery_is_durable_when_it_is_answered(state, send, add_source) -> None:
    add_source("ma")
    answer = send(an_event())
    assert answer.status_code == 202
    with state.database.read() as c:
        row = c.execute(select(Delivery.__table__)).one()
    assert (row.state, json.loads(row.body)["id"], row.received_at) == ("waiting", "e-1", FRIDAY)
    assert SECRET not in str(row)


def test_from_the_webhook_to_the_handoff(state, send, add_source, clock) -> None:
    add_source("ma")
    send([a_download(1), a_download(2), a_download(3)])
    send(an_event(4))
    assert state.ledger.drain(clock()) == 2
    with state.database.read() as c:
        assert c.execute(select(Handoff.verdict, Handoff.qualified_at)).all() == [("on_track", FRIDAY)]
    send(an_event(4))
    state.ledger.drain(clock())
    with state.database.read() as c:
        assert c.scalar(select(func.count()).select_from(Event)) == 4


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ({"secret": sources.new_secret()}, 401, "unverified"),
        ({"age": timedelta(minutes=6)}, 401, "unverified"),
        ({"age": timedelta(minutes=-6)}, 401, "unverified"),
        ({"webhook-signature": "nonsense"}, 401, "unverified"),
        ({"source": "unknown"}, 404, "no_such_source"),
    ],
)
def test_what_is_not_genuine_is_not_stored(state, send, add_source, how, status, code) -> None:
    add_source("ma")
    answer = send(an_event(), **how)
    assert answer.status_code == status
    assert stored(state) == 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(f"/problems/{code}")
    assert SECRET not in answer.text


def test_rotated_and_disabled(state, send, add_source, clock) -> None:
    add_source("ma")
    newer, newest = sources.new_secret(), sources.new_secret()
    with state.database.write() as c:
        sources.rotate(c, state.vault, "ma", newer, clock())
    clock.advance(timedelta(seconds=4))
    assert [send(an_event(), secret=s).status_code for s in (SECRET, newer)] == [202, 202]
    with state.database.write() as c:
        sources.rotate(c, state.vault, "ma", newest, clock())
    clock.advance(timedelta(seconds=4))
    assert [send(an_event(), secret=s).status_code for s in (SECRET, newer, newest)] == [401, 202, 202]
    with state.database.write() as c:
        sources.disable(c, "ma", clock())
    clock.advance(timedelta(seconds=4))
    assert send(an_event(), secret=newest).status_code == 404


def test_too_large_is_refused_before_it_is_read(state, client, add_source) -> None:
    add_source("ma")
    sent: list[int] = []

    def endless() -> Iterator[bytes]:
        for n in range(100):
            sent.append(n)
            yield b"x" * 65536

    assert client.post("/webhooks/ma", content=b"x", headers={"content-length": "2000000"}).status_code == 413
    assert client.post("/webhooks/ma", content=endless()).status_code == 413
    assert stored(state) == 0


def test_only_post(client, add_source) -> None:
    add_source("ma")
    assert client.get("/webhooks/ma").status_code == 405


def test_a_database_that_is_down_is_503(state, send, add_source) -> None:
    add_source("ma")
    assert send(an_event()).status_code == 202
    with state.database.write() as c:
        c.execute(text("ALTER TABLE deliveries RENAME TO away"))
    answer = send(an_event())
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    with state.database.write() as c:
        c.execute(text("ALTER TABLE away RENAME TO deliveries"))
    assert send(an_event()).status_code == 202
    assert stored(state) == 2


def test_not_understood_is_quarantined_and_replayed_when_the_cause_is_mended(state, send, add_source, clock) -> None:
    add_source("ma")
    send([an_event(1), an_event(2, kind="scroe"), an_event(3)])
    state.ledger.drain(clock())
    with state.database.read() as c:
        row = c.execute(select(Delivery.state, Delivery.reason)).one()
        assert c.scalar(select(func.count()).select_from(Event)) == 2, "the rest of the batch goes on"
    assert row.state == "quarantined"
    assert "[1]" in row.reason


def test_salesforce_gets_its_ack(state, client, add_source, clock) -> None:
    add_source("sfa", "salesforce", secret="a-long-secret-word")
    body = (FIXTURES / "salesforce" / "om_account.xml").read_bytes()
    assert client.post("/webhooks/sfa?token=wrong", content=body).status_code == 401
    answer = client.post("/webhooks/sfa?token=a-long-secret-word", content=body)
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/xml")
    assert "<Ack>true</Ack>" in answer.text
    with state.database.read() as c:
        row = c.execute(select(Delivery.url, Delivery.body)).one()
    assert (row.url, b"ARcAQJ" in row.body) == ("/webhooks/sfa", False)
    state.ledger.drain(clock())
    with state.database.read() as c:
        assert c.scalar(select(Delivery.state)) == "quarantined"


def test_hubspot_signs_the_public_url(state, client, add_source, clock) -> None:
    add_source("hub", "hubspot", secret="client-secret", portal_id=62515, score_property="fit")
    change = {"eventId": 1, "subscriptionId": 2, "portalId": 62515, "objectId": 7, "propertyName": "fit"}
    change |= {"occurredAt": int(FRIDAY.timestamp() * 1000), "subscriptionType": "contact.propertyChange"}
    body = json.dumps([change | {"propertyValue": "86"}]).encode()
    at = str(int(clock().timestamp() * 1000))

    def signed(url: str) -> dict[str, str]:
        base = f"POST{url}".encode() + body + at.encode()
        signature = base64.b64encode(hmac.new(b"client-secret", base, hashlib.sha256).digest()).decode()
        return {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": at}

    genuine = "https://tasuki.example.com/webhooks/hub?tenant=1"
    inner = {"host": "10.0.0.7:8000"}  # what a proxy in front of us calls
    assert client.post("/webhooks/hub?tenant=1", content=body, headers=signed(genuine) | inner).status_code == 202
    assert client.post("/webhooks/hub?tenant=2", content=body, headers=signed(genuine)).status_code == 401
    state.ledger.drain(clock())
    with state.database.read() as c:
        assert c.scalar(select(func.count()).select_from(Lead)) == 1


def test_a_source_that_cannot_be_opened_closes_no_other(state, send, add_source, clock) -> None:
    add_source("ma")
    add_source("broken")
    assert send(an_event(1), source="broken").status_code == 202
    with state.database.write() as c:
        c.execute(text("UPDATE sources SET kind = 'gone' WHERE name = 'broken'"))
    clock.advance(timedelta(seconds=4))
    assert send(an_event(2), source="broken").status_code == 404
    assert send(an_event(3)).status_code == 202
    state.ledger.drain(clock())
    with state.database.read() as c:
        rows = c.execute(select(Delivery.state, Delivery.reason).order_by(Delivery.id)).all()
    assert [row.state for row in rows] == ["quarantined", "applied"]
    assert "tasuki doctor" in rows[0].reason


def test_sources_that_cannot_be_read_are_503_and_not_unknown(state, send, add_source) -> None:
    add_source("ma")
    with state.database.write() as c:
        c.execute(text("ALTER TABLE sources RENAME TO away"))
    assert send(an_event()).status_code == 503
    with state.database.write() as c:
        c.execute(text("ALTER TABLE away RENAME TO sources"))
    assert send(an_event()).status_code == 202
