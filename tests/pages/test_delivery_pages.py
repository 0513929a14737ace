"""One delivery on its page: its body as people read it, why it is where it is, and reading it again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.flows import audit, sources
from app.models import Delivery
from app.pages.delivery_pages import SHOWN, readable
from tests.conftest import FRIDAY
from tests.pages import test_pages

FIXTURES = Path(__file__).parent.parent / "fixtures"


def text_of(answer: Any) -> str:
    return test_pages.text_of(answer.text)


@pytest.fixture
def page(sign_in_as):
    client = sign_in_as("admin")
    client.headers["accept-language"] = "en"
    return client


@pytest.fixture
def stored(state, clock):
    """A body that lies in quarantine → its number."""

    def store(body: bytes, **more: Any) -> int:
        with state.database.write() as c:
            source = sources.add(c, state.vault, name="crm", kind="pipedrive", config={}, secret="s" * 8, now=clock())
            row = {
                "source_id": source,
                "received_at": FRIDAY,
                "method": "POST",
                "url": "/",
                "headers": {},
                "body": body,
            }
            row |= {"state": "quarantined", "not_before": FRIDAY, "attempts": 0, "reason": "no score\nno lead"} | more
            return c.execute(insert(Delivery).values(row).returning(Delivery.id)).scalar_one()

    return store


def test_a_body_is_shown_line_by_line_and_escaped(page, stored) -> None:
    body = (FIXTURES / "pipedrive" / "v2_person_create.json").read_bytes()
    answer = page.get(f"/deliveries/{stored(body)}")
    assert answer.status_code == 200
    assert "\n  &#34;data&#34;: {\n" in answer.text
    shown = text_of(answer)
    assert "no score" in shown
    assert "no lead" in shown
    assert "quarantined" in shown


def test_what_somebody_sends_is_never_markup(page, stored) -> None:
    answer = page.get(f"/deliveries/{stored(b'</pre><script>alert(1)</script>')}")
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text


@pytest.mark.parametrize("body", [b"x" * 3_000_000, b'["' + b"x" * 90_000 + b'"]', "あ".encode() * 900_000])
def test_a_long_body_is_cut(body) -> None:
    found = readable(body)
    assert (len(found.text), found.cut) == (SHOWN, True)


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[" * 100_000, b'"\\ud800"', b"1" * 5000, b"{} x"])
def test_a_strange_body_is_shown_as_it_is(body) -> None:
    assert isinstance(readable(body).text.encode(), bytes)


def test_a_delivery_is_read_again_and_written_in_the_audit_log(page, stored, state) -> None:
    number = stored(b"{}")
    answer = page.post(f"/deliveries/{number}/replay", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/deliveries/{number}?done=replayed")
    assert "read again" in text_of(page.get(answer.headers["location"]))
    with state.database.read() as c:
        assert c.scalars(select(Delivery.state)).all() == ["waiting"]
        entry = audit.entries(c, action="delivery.replayed", limit=1).rows[0]
    assert (entry.by, entry.subject) == ("admin@example.com", f"delivery:{number}")


@pytest.mark.parametrize("number", ["999", "x", "9" * 30])
def test_a_delivery_that_is_not_there_is_not_found(page, number) -> None:
    assert page.get(f"/deliveries/{number}").status_code == 404
    assert page.post(f"/deliveries/{number}/replay").status_code == 404
