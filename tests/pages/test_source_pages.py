"""Sources on pages: what they delivered, how their fields are read, and what an administrator changes about them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.flows import administer, audit, inbox, lists, sources, trial
from app.models import Delivery, Source
from connectors.contract import Problem
from tests.conftest import FRIDAY
from tests.pages import test_pages

SECRET = sources.new_secret()
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def text_of(answer: Any) -> str:
    return test_pages.text_of(answer.text)


@pytest.fixture
def page(sign_in_as, state, clock):
    with state.database.write() as c:
        for name, kind in (("ma", "standard"), ("sales", "pipedrive")):
            sources.add(c, state.vault, name=name, kind=kind, config={}, secret=SECRET, now=clock())
    state.directory.forget()
    client = sign_in_as("admin")
    client.headers["accept-language"] = "en"
    return client


@pytest.fixture
def send(page, clock, state):
    """To the source `ma`, signed as Standard Webhooks says, and worked off."""

    def post(content: object, number: int = 1) -> None:
        body, at = json.dumps(content, ensure_ascii=False).encode(), str(int(clock().timestamp()))
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        mac = hmac.new(key, f"msg_{number}.{at}.".encode() + body, hashlib.sha256).digest()
        signed = {"webhook-id": f"msg_{number}", "webhook-timestamp": at}
        signed["webhook-signature"] = f"v1,{base64.b64encode(mac).decode()}"
        assert page.post("/webhooks/ma", content=body, headers=signed).status_code == 202
        state.ledger.drain(clock())

    return post


def an_event(number: int = 1, **said: Any) -> dict[str, Any]:
    lead = {"id": "501", "email": "sato@yamada.example"}
    return {"id": f"e-{number}", "kind": "score", "occurred_at": FRIDAY.isoformat(), "lead": lead, "score": 86} | said


def stored(state: Any, name: str) -> Any:
    with state.database.read() as c:
        return lists.source(c, state.vault, name)


def deliver(state: Any, name: str, count: int, body: bytes = b"{}", verdict: str = "applied") -> None:
    row = {"method": "POST", "url": "/", "headers": {}, "body": body, "state": verdict, "received_at": FRIDAY}
    with state.database.write() as c:
        row |= {"source_id": lists.source_id(c, name), "not_before": FRIDAY, "attempts": 0}
        c.execute(insert(Delivery), [row] * count)


# --- the list and one source


def test_the_list_says_how_each_source_is_heard_and_what_waits(page, send, clock) -> None:
    send(an_event())
    send(an_event(2, score="高い"), 2)
    clock.advance(inbox.DAY / 12)
    shown = text_of(page.get("/sources"))
    assert re.search(r"ma standard marketing.* ✓ ?heard .*2h ago .*quarantined 1", shown), shown
    assert re.search(r"sales pipedrive sales .*nothing yet", shown), shown
    page.post("/sources/sales/disable")
    assert "disabled" in text_of(page.get("/sources"))


def test_the_inbox_is_narrowed_down_and_paged_on_the_server(page, state) -> None:
    deliver(state, "ma", 60)
    deliver(state, "ma", 1, verdict="quarantined")
    deliver(state, "sales", 1)
    first = page.get("/sources/ma").text
    assert first.count('href="/deliveries/') == 50
    second = page.get(re.search(r'href="(/sources/ma\?after=\d+)', first)[1]).text
    assert second.count('href="/deliveries/') == 11
    assert "Page after" not in second
    assert page.get("/sources/ma?state=quarantined").text.count('href="/deliveries/') == 1
    assert page.get("/sources/ma?state=waiting").text.count('href="/deliveries/') == 0
    assert page.get("/sources/ma?state=nonsense&after=x").text.count('href="/deliveries/') == 50
    assert "Deliveries in 24 hours 61" in text_of(page.get("/sources/ma"))


def test_quarantine_is_read_again_and_written_in_the_audit_log(page, send, state) -> None:
    send(an_event(1, score="高い"))
    answer = page.post("/sources/ma/replay", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sources/ma?replayed=1")
    assert "1 deliveries will be read again." in text_of(page.get("/sources/ma?replayed=1"))
    with state.database.read() as c:
        assert c.scalars(select(Delivery.state)).all() == ["waiting"]
        assert audit.entries(c, action="deliveries.replayed", limit=2).rows[0].by == "admin@example.com"


@on_sqlite
@pytest.mark.parametrize("name", ["none", "%00", "A%20B", "x" * 80])
def test_a_source_that_is_not_there_is_not_found(page, name) -> None:
    for path in ("", "/mapping"):
        assert page.get(f"/sources/{name}{path}").status_code == 404
    for deed in ("disable", "enable", "rotate", "replay", "config", "check", "test"):
        assert page.post(f"/sources/{name}/{deed}").status_code == 404


# --- adding, secrets


def test_a_source_is_added_with_a_secret_that_is_shown_once(page, state) -> None:
    wanted = {"name": "seminar", "kind": "standard", "config": "role: ma", "credential": "pat-0000-0000"}
    answer = page.post("/sources", data=wanted)
    assert answer.status_code == 201
    assert "https://tasuki.example.com/webhooks/seminar" in answer.text
    (secret,) = re.findall(r"whsec_[\w+/=]+", answer.text)
    assert secret not in page.get("/sources/seminar").text
    found = stored(state, "seminar")
    assert (found.config, found.has_credential) == ({"role": "ma"}, True)


@on_sqlite
def test_what_is_wrong_with_a_new_source_stands_beside_it(page) -> None:
    wanted = {"name": "Se minar", "kind": "standard", "config": "role: boss\n", "secret": "short"}
    answer = page.post("/sources", data=wanted)
    assert answer.status_code == 422
    assert "Line 1: /role – Must be one of" in text_of(answer)
    assert 'value="Se minar"' in answer.text
    assert "short" not in answer.text
    named = page.post("/sources", data=wanted | {"config": "", "secret": ""})
    assert (named.status_code, "small letters" in named.text) == (422, True)
    assert page.post("/sources", data=wanted | {"kind": "none"}).status_code == 422
    again = page.post("/sources", data={"name": "ma", "kind": "standard"})
    assert "exists already" in again.text


@on_sqlite
def test_a_tool_that_carries_its_secret_in_the_address_is_told_so(page) -> None:
    answer = page.post("/sources", data={"name": "sf", "kind": "salesforce"})
    assert "https://tasuki.example.com/webhooks/sf?token=whsec_" in answer.text


def test_a_new_secret_is_shown_once(page, state) -> None:
    answer = page.post("/sources/ma/rotate")
    assert answer.status_code == 201
    assert re.search(r"whsec_[\w+/=]+", answer.text)
    assert page.post("/sources/ma/rotate", data={"secret": "kurz"}).status_code == 422
    given = page.post("/sources/ma/rotate", data={"secret": "given-by-the-tool"})
    assert (given.status_code, "given-by-the-tool" in given.text) == (201, False)
    with state.database.read() as c:
        assert len(audit.entries(c, action="source.rotated", limit=5).rows) == 2


def test_the_api_token_is_set_and_never_shown(page, state) -> None:
    assert page.post("/sources/ma/credential", data={"credential": "kurz"}).status_code == 422
    answer = page.post("/sources/ma/credential", data={"credential": "pat-0000-0000"})
    assert "pat-0000-0000" not in answer.text
    assert stored(state, "ma").has_credential


def test_a_source_is_disabled_and_enabled(page, state) -> None:
    assert page.post("/sources/ma/disable", follow_redirects=False).status_code == 303
    assert stored(state, "ma").disabled_at == FRIDAY
    assert page.post("/webhooks/ma", content=b"{}").status_code == 404
    page.post("/sources/ma/enable")
    assert stored(state, "ma").disabled_at is None
    assert page.post("/webhooks/ma", content=b"{}").status_code == 401


# --- fields and configuration


def config(page: Any, written: str, based_on: str | None = None) -> Any:
    based_on = based_on if based_on is not None else print_of(page)
    return page.post("/sources/ma/config", data={"config": written, "print": based_on}, follow_redirects=False)


def print_of(page: Any) -> str:
    return re.search(r'name="print" value="(\w+)"', page.get("/sources/ma/mapping").text)[1]


def test_fields_that_arrived_are_shown_with_what_they_are_read_as(page, send) -> None:
    send(an_event(industry="製造"))
    shown = text_of(page.get("/sources/ma/mapping"))
    assert re.search(r"email .*?email", shown), shown
    assert "Counted in the newest 1 deliveries." in shown


def test_a_configuration_is_read_as_yaml_and_as_json(page, state) -> None:
    assert config(page, "statuses:\n  Working: working\n").status_code == 303
    assert stored(state, "ma").config == {"statuses": {"Working": "working"}}
    assert "Working: working" in page.get("/sources/ma/mapping").text
    assert config(page, '{"role": "sfa"}').status_code == 303
    assert stored(state, "ma").config == {"role": "sfa"}


#: YAML in which nine words become forty million.
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in pairwise("abcdefgh")
)


@on_sqlite
@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("role: ma\nstatuses:\n  Open: opne\n", "Line 3: /statuses/Open – Must be one of"),
        ("role: ma\nstatusse: {}\n", "Did you mean `statuses`?"),
        ("role: [", "This is not valid YAML"),
        ("{'role: 3", "This is not valid JSON"),
        ("- ma\n", "Must hold names and their values"),
        ("[" * 30_000, "This is not valid JSON"),
        (BOMB, "more entries than anybody writes"),
    ],
    ids=["value", "name", "yaml", "json", "list", "deep", "aliases"],
)
def test_a_wrong_configuration_stays_as_typed_and_says_where(page, state, written, said) -> None:
    based_on = print_of(page)
    answer = config(page, written, based_on)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert 'aria-invalid="true"' in answer.text
    assert f'name="print" value="{based_on}"' in answer.text
    assert stored(state, "ma").config == {}


def test_what_somebody_else_saved_meanwhile_is_not_overwritten_unseen(page, state, clock) -> None:
    based_on = print_of(page)
    with state.database.write() as c:
        administer.configure_source(c, administer.Admin("ito", clock()), "ma", {"role": "ma"})
    answer = config(page, "role: both\n", based_on)
    assert answer.status_code == 409
    shown = text_of(answer)
    assert "Somebody else changed the configuration meanwhile" in shown
    assert re.search(r'/role .*"ma" .*"both"', shown), shown
    assert stored(state, "ma").config == {"role": "ma"}
    again = re.search(r'name="print" value="(\w+)"', answer.text)[1]
    assert config(page, "role: both\n", again).status_code == 303
    assert stored(state, "ma").config == {"role": "both"}


def test_a_configuration_that_cannot_be_opened_can_be_mended(page, state) -> None:
    with state.database.write() as c:
        c.execute(Source.__table__.update().where(Source.name == "ma").values(config={"gone": 1}))
    state.directory.forget()
    shown = page.get("/sources/ma/mapping")
    assert "cannot be opened until its configuration is mended" in shown.text
    assert config(page, "role: ma\n").status_code == 303
    assert "cannot be opened" not in page.get("/sources/ma/mapping").text


@on_sqlite
def test_the_sample_is_rehearsed_and_nothing_is_written_down(page, state) -> None:
    shown = text_of(page.post("/sources/sales/test"))
    assert "What would become of the sample" in shown
    with state.database.read() as c:
        assert c.scalars(select(Delivery.id)).all() == []


@on_sqlite
def test_what_the_tool_says_is_shown_with_likely_meanings(page, monkeypatch) -> None:
    look = trial.Look(
        "acme.example", (Problem("person", "may not be read"),), tuple(trial.unmapped(["コンタクト済み"]))
    )
    monkeypatch.setattr(trial, "look_at", lambda *_: look)
    shown = text_of(page.post("/sources/sales/check"))
    assert "sales speaks for acme.example." in shown
    assert "person: may not be read" in shown
    assert "コンタクト済み" in shown
