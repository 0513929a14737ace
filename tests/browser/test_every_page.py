"""Every page that links lead to, in both languages, wide and on a phone: no error, no other host, WCAG 2.2 A and AA."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from app.pages.rendering import Page as PageRoute
from tests.browser.conftest import Served, Watched
from tests.browser.needs import AXE

#: One worker runs all of them, so that the demo is played once.
pytestmark = pytest.mark.xdist_group("browser")

#: Of one kind of page that many are the same.
EXAMPLES = 2
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
#: Pages that no link leads to when everybody may look; they have tests of their own.
UNLINKED = {
    "/sign-in",
    "/sign-in/provider",
    "/sign-in/provider/return",
    "/static/{name}",
    "/first/{token}",
    "/setup/{step}",
    "/welcome/{token}",
    "/account",
    "/users/{number}",
    "/queue/events",
    "/meetings/{key}/{number:int}/events",
    "/meetings/{key}/{number:int}/run",
}


def page_routes(served: Served) -> list[str]:
    """Their paths as they are declared, in the order in which they are tried."""
    pages = (c for c in iter_route_contexts(served.app.routes) if isinstance(c.original_route, PageRoute))
    found = [page.path for page in pages if "GET" in page.methods]
    assert len(found) > 30
    return found


def route_of(served: Served, path: str) -> str | None:
    return next((declared for declared in page_routes(served) if compile_path(declared)[0].match(path)), None)


def linked(tab: Watched, served: Served) -> dict[str, list[str]]:
    """Route → paths, as links lead to them from the start page."""
    found: dict[str, list[str]] = defaultdict(list)
    waiting = ["/"]
    while waiting:
        path = waiting.pop(0)
        route = route_of(served, urlsplit(path).path)
        if route is None or path in found[route] or len(found[route]) >= EXAMPLES:
            continue
        found[route].append(path)
        if is_page(tab, path):
            tab.open(path)
            waiting += list(own_links(tab))
    return found


def is_page(tab: Watched, path: str) -> bool:
    answer = tab.page.request.get(tab.base + path, max_redirects=0)
    return answer.status == 200 and answer.headers["content-type"].startswith("text/html")


def own_links(tab: Watched) -> Iterator[str]:
    hrefs = tab.page.eval_on_selector_all("a[href]", "all => all.map(a => a.href)")
    for href in hrefs:
        if href.startswith(tab.base + "/"):
            path = href[len(tab.base) :].split("#")[0]
            if "lang=" not in path:
                yield path


@pytest.fixture(scope="module")
def found(browser, served) -> dict[str, list[str]]:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo")
    pages = linked(Watched(context.new_page(), served.base), served)
    context.close()
    return pages


def test_links_lead_to_every_page(found, served) -> None:
    assert set(page_routes(served)) - set(found) - UNLINKED == set()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_everybody_can_read_every_page(tab, found, locale, size) -> None:
    tab.page.set_viewport_size(size)
    complaints: dict[str, Any] = {}
    for path in (path for paths in found.values() for path in paths):
        if not is_page(tab, path):
            continue
        address = f"{path}{'&' if '?' in path else '?'}lang={locale}"
        if wrong := looked_at(tab, address, locale, phone=size is PHONE):
            complaints[address] = wrong
    assert complaints == {}, json.dumps(complaints, ensure_ascii=False, indent=1)


def looked_at(tab: Watched, address: str, locale: str, *, phone: bool) -> list[str]:
    tab.wrong.clear()
    assert tab.open(address) == 200
    wrong = [*violations(tab), *tab.wrong]
    if tab.page.evaluate("document.documentElement.lang") != locale:
        wrong.append("another language")
    if phone and tab.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"):
        wrong.append(f"wider than a phone: {widest(tab)}")
    return wrong


def violations(tab: Watched) -> list[str]:
    """Of WCAG 2.2 A and AA, as far as axe-core can tell. It is put in as the browser's own tools are, beside the page's
    policy, which lets no script in."""
    if not tab.page.evaluate("() => 'axe' in window"):
        tab.page.evaluate(AXE.read_text())
    told = tab.page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", list(RULES))
    return [
        f"{broken['id']}: {node['target']} {node['failureSummary']}"
        for broken in told["violations"]
        for node in broken["nodes"]
    ]


def widest(tab: Watched) -> str:
    return tab.page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(e => e.getBoundingClientRect().right > window.innerWidth + 1)
            .map(e => e.tagName + '.' + e.className).slice(0, 3).join(' ')"""
    )


def test_axe_finds_what_is_wrong(tab) -> None:
    """So that its silence means something."""
    tab.open("/")
    tab.page.evaluate("document.querySelector('main').innerHTML = '<img src=\"/static/tasuki.svg\"><input>'")
    assert {re.match(r"[a-z-]+", one)[0] for one in violations(tab)} >= {"image-alt", "label"}  # type: ignore[index]
