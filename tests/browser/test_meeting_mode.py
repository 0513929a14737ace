"""A meeting in a real browser: what others write appears while one types, keys, the timer, everybody can read it."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from app.settings import Settings
from tests.browser.conftest import NOW, Served, Watched
from tests.browser.test_every_page import DESK, PHONE, looked_at
from tests.conftest import Clock

#: One worker runs all of them, so that the demo is played once.
pytestmark = pytest.mark.xdist_group("browser")

PROJECTOR = {"width": 1920, "height": 1080}
#: Seconds within which what somebody else did must be there.
SOON = 6.0


class Held:
    """A meeting that is being held on a copy of the demo's company, its third item on the table."""

    def __init__(self, served: Served) -> None:
        self.served = served
        found = re.search(r'href="(/meetings/default/\d+)"', httpx.get(f"{served.base}/meetings").text)
        assert found
        self.path = found[1]

    def does(self, deed: str, **fields: str) -> None:
        answer = httpx.post(f"{self.served.base}{self.path}/{deed}", data={"page": "run", **fields})
        assert answer.status_code == 303, answer.text


@pytest.fixture
def held(company: Settings, tmp_path: Path) -> Iterator[Held]:
    shutil.copytree(company.data_dir, tmp_path, dirs_exist_ok=True)
    served = Served(company.model_copy(update={"data_dir": tmp_path}), Clock(NOW))
    served.start()
    meeting = Held(served)
    meeting.does("start")
    meeting.does("visit", item="3")
    yield meeting
    served.app.state.ending = True
    served.stop()
    served.state.close()


@pytest.fixture
def open_tab(browser: Browser, held: Held) -> Iterator[Callable[[], Watched]]:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport=PROJECTOR)
    yield lambda: Watched(context.new_page(), held.served.base)
    context.close()


def soon(page: Page, question: str) -> None:
    """The page's policy lets no words become a program, so the question is asked again and again."""
    until = time.monotonic() + SOON
    while not page.evaluate(question):
        assert time.monotonic() < until, question
        time.sleep(0.1)


def focused(page: Page, what: str = "id") -> Any:
    return page.evaluate(f"document.activeElement.{what}")


def test_what_others_write_appears_while_one_goes_on_typing(held, open_tab) -> None:
    tab = open_tab()
    tab.open(f"{held.path}/run")
    page = tab.page
    page.keyboard.press("m")
    page.keyboard.type("nd 書きかけ")  # n and d are letters here, no keys
    held.does("say", kind="note", item="3", text="ほかの人のメモ")
    soon(page, "document.getElementById('said-box').innerText.includes('ほかの人のメモ')")
    assert (focused(page), focused(page, "value")) == ("note-text", "nd 書きかけ")
    assert page.inner_text("#live-said") == "会議の内容が更新されました。"

    held.does("visit", item="4")
    soon(page, "document.querySelector('h1').innerText.startsWith('4')")
    assert (focused(page), focused(page, "value")) == ("note-text", "nd 書きかけ")
    page.click("#open-note button")
    soon(page, "!document.getElementById('note-text').value")
    held.does("visit", item="3")
    soon(page, "document.getElementById('said-box').innerText.includes('nd 書きかけ')")
    assert tab.wrong == []


def test_a_draft_outlives_another_form_and_stays_with_its_item(held, open_tab) -> None:
    page = (tab := open_tab()).page
    tab.open(f"{held.path}/run")
    page.keyboard.press("m")
    page.keyboard.type("メモの下書き")
    held.does("visit", item="4")
    soon(page, "document.querySelector('h1').innerText.startsWith('4')")
    page.keyboard.press("Escape")
    page.keyboard.press("d")
    page.keyboard.type("決めた")
    with page.expect_navigation():
        page.click("#open-decision button")
    assert page.input_value("#note-text") == "メモの下書き"
    assert page.inner_text("label[for=note-text]").startswith("議題3のメモ")
    assert page.evaluate("document.querySelector('#open-note input[name=item]').value") == "3"


def test_keys_can_be_shown_used_and_turned_off(held, open_tab) -> None:
    page = (tab := open_tab()).page
    tab.open(f"{held.path}/run")
    with page.expect_navigation():
        page.keyboard.press("n")
    assert page.inner_text("h1").startswith("4")
    with page.expect_navigation():
        page.keyboard.press("p")
    for key, ident in (("d", "decision-text"), ("a", "action-text"), ("k", "parked-text")):
        page.keyboard.press(key)
        assert focused(page) == ident
        page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert page.evaluate("document.getElementById('keys').open")
    page.click("label[for=keys-on]")
    page.keyboard.press("Escape")
    page.reload()
    page.keyboard.press("d")
    assert focused(page) != "decision-text"
    assert tab.wrong == []


def test_the_timer_runs_and_the_projector_shows_nothing_small(held, open_tab) -> None:
    page = (tab := open_tab()).page
    tab.open(f"{held.path}/run")
    before = page.inner_text("#mode-head .timer b")
    soon(page, f"document.querySelector('#mode-head .timer b').innerText !== {json.dumps(before)}")
    smallest = page.evaluate(
        """() => Math.min(...[...document.querySelectorAll('.mode *')]
            .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
            .filter(e => !e.closest(".unseen") && e.getBoundingClientRect().height > 1)
            .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
    )
    assert smallest >= 24


def test_an_agenda_is_copied_as_rich_text_and_as_markdown(held, open_tab) -> None:
    page = (tab := open_tab()).page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=tab.base)
    tab.open(held.path)
    page.click("#copy")
    soon(page, "document.getElementById('copied').textContent.startsWith('コピーしました')")
    kinds = page.evaluate(
        """async () => { const [one] = await navigator.clipboard.read(); const told = {};
            for (const type of one.types) told[type] = await (await one.getType(type)).text(); return told; }"""
    )
    assert kinds["text/plain"].startswith("# ")
    assert "<table" in kinds["text/html"]


@pytest.mark.parametrize("size", [PROJECTOR, DESK, PHONE], ids=["projector", "desk", "phone"])
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_everybody_can_read_a_meeting_that_is_held(held, open_tab, locale, size) -> None:
    promise = {"owner": "伊藤 健", "due_on": "2026-10-02", "text": "割当を直す", "done_when": "担当者なしが0件"}
    held.does("act", item="3", **promise)
    held.does("act", item="3", text="まだ足りない", **{"as": "task"})
    held.does("decide", item="3", text="展示会は別のSLAにする")
    tab = open_tab()
    tab.page.set_viewport_size(size)
    complaints: dict[str, list[str]] = {}

    def look(path: str) -> None:
        if wrong := looked_at(tab, f"{path}?lang={locale}", locale, phone=size is PHONE):
            complaints[path] = wrong

    for path in (held.path, f"{held.path}/run", "/meetings", "/actions", "/actions/1"):
        look(path)
    tab.page.goto("about:blank")
    held.does("close", text="時間切れ")
    look(f"{held.path}/minutes")
    assert complaints == {}, json.dumps(complaints, ensure_ascii=False, indent=1)
