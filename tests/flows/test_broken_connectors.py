"""Thin webhooks, whose tool is asked for what they leave open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import respx
from sqlalchemy import select
from starlette.testclient import TestClient

from app.flows import sources
from app.models import Delivery, Event, Source
from app.state import State
from connectors.espocrm import api
from connectors.espocrm.connector import CONNECTOR

SECRET, CREDENTIAL = "a-key-of-one-webhook", "credential-never-shown"
LEAD = {"id": "65f1a2b3c4d5e6f71", "status": "In Process", "modifiedAt": "2026-09-18 08:00:00"}


@pytest.fixture
def notified(state: State, client: TestClient) -> Callable[[str], None]:
    """A new source whose tool says that a lead changed."""

    def notify(name: str) -> None:
        config = {"base": f"https://{name}.example.jp"}
        new = {"name": name, "kind": "espocrm", "config": config, "secret": SECRET, "credential": CREDENTIAL}
        with state.database.write() as c:
            sources.add(c, state.vault, now=state.clock(), **new)
        state.directory.forget()
        url = f"{state.settings.public_url}/webhooks/{name}"
        sent = CONNECTOR.sample(CONNECTOR.config_model(**config), SECRET, url, state.clock())
        path = sent.url.removeprefix(state.settings.public_url)
        assert client.post(path, content=sent.body, headers=dict(sent.headers)).status_code == 202

    return notify


def test_a_mistake_of_one_connector_holds_up_no_other_source(
    state: State, notified: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = api.answers

    def mistaken(asking: Any, lookups: Any) -> Any:
        if "broken" in asking.base:
            raise RuntimeError(f"{CREDENTIAL} in an error of somebody else's")
        return answers(asking, lookups)

    monkeypatch.setattr(api, "answers", mistaken)
    for name in ("broken", "sound"):
        notified(name)
    with respx.mock(assert_all_called=False) as router:
        router.get(url__regex=r"https://sound\.example\.jp/api/v1/Lead\?").respond(json={"list": [LEAD]})
        router.get(url__regex=r"https://sound\.example\.jp/api/v1/Lead/.*").mock(return_value=httpx.Response(404))
        while state.ledger.drain(state.clock()) or state.ledger.ask(state.clock()):
            pass
    with state.database.read() as c:
        told = select(Source.name, Delivery.state, Delivery.reason).join(Delivery, Delivery.source_id == Source.id)
        found = {name: (how, reason or "") for name, how, reason in c.execute(told)}
        kinds = set(c.execute(select(Event.kind)).scalars())
    assert (found["sound"], found["broken"][0]) == (("applied", ""), "quarantined")
    assert "the connector failed (RuntimeError)" in found["broken"][1]
    assert CREDENTIAL not in found["broken"][1]
    assert "status" in kinds
