"""Data quality as pages: what there is to mend, every case with the way to it, in pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.domain.quality import Kind
from app.pages import quality_pages
from tests.api.conftest import Office
from tests.api.conftest import office as office
from tests.api.test_quality_api import WHO, Mess
from tests.conftest import FRIDAY, Clock
from tests.pages.test_pages import text_of

ROW = re.compile(r"<tr><th scope=\"row\">.*?</tr>", re.DOTALL)


@pytest.fixture
def mess(office: Office, clock: Clock) -> Mess:
    clock.now = FRIDAY + timedelta(days=1)
    return Mess(office)


@pytest.fixture
def rep(mess: Mess, sign_in_as: Callable[..., TestClient]) -> TestClient:
    return sign_in_as("rep")


def rows(page: Any) -> list[str]:
    assert page.status_code == 200, page.text
    return ROW.findall(page.text)


def test_every_kind_is_listed_with_its_count_and_leads_to_its_cases(mess: Mess, rep: TestClient) -> None:
    counted = {task["kind"]: task["count"] for task in mess.office.get("/v1/quality")["items"]}
    listed = rows(rep.get("/quality"))
    assert len(listed) == len(Kind)
    for row in listed:
        kind = re.search(r'href="/quality/(\w+)\?days=90"', row)
        assert kind
        assert f'<td class="number">{counted[kind[1]]}</td>' in row
        assert len(rows(rep.get(f"/quality/{kind[1]}"))) >= 1


@pytest.mark.parametrize("kind", WHO)
def test_a_case_names_its_lead_and_leads_there(rep: TestClient, kind: str) -> None:
    (row,) = rows(rep.get(f"/quality/{kind}"))
    path = re.search(r'href="(/(?:leads|handoffs)/[0-9]+)"', row)
    assert path
    assert WHO[kind] in row
    assert WHO[kind] in rep.get(path[1]).text


def test_what_is_in_order_needs_nothing(rep: TestClient, clock: Clock) -> None:
    clock.now += timedelta(days=60)
    page = rep.get("/quality", params={"days": "7"})
    assert '<h2 id="done">' in page.text
    assert len(rows(page)) < len(Kind)
    assert "該当するものはありません。" in text_of(rep.get("/quality/late_logging", params={"days": "7"}).text)


def test_long_lists_come_in_pages(mess: Mess, rep: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists with either kind of sort key: every case once, then no further page."""
    monkeypatch.setattr(quality_pages, "ROWS", 1)
    mess.mql("second", owner=None)
    for kind in ("late_logging", "ownerless"):
        path, found = f"/quality/{kind}?days=90", []
        while path:
            page = rep.get(path)
            found += rows(page)
            onward = re.search(r'href="(/quality/[^"]+)" rel="next"', page.text)
            path = onward[1].replace("&amp;", "&") if onward else ""
        assert len(found) == len(set(found)) == 2


def test_what_is_no_kind_is_missing(rep: TestClient) -> None:
    assert rep.get("/quality/everything").status_code == 404
    for after in ("x", "2026_1", "9" * 30, "1_2_3"):
        assert rows(rep.get("/quality/ownerless", params={"after": after}))


def test_who_may_not_see_leads_sees_how_many_there_are(mess: Mess, sign_in_as: Callable[..., TestClient]) -> None:
    executive = sign_in_as("executive")
    page = executive.get("/quality")
    assert len(rows(page)) == len(Kind)
    assert 'href="/quality/' not in page.text
    assert executive.get("/quality/ownerless").status_code == 403
