"""Changing the SLA and a calendar in a real browser: what would change is shown, and then it is in force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from app.settings import read_settings
from app.state import open_state
from tests.browser.conftest import NOW, Served, Watched
from tests.browser.test_every_page import DESK, PHONE, violations, widest
from tests.conftest import Clock

#: One worker runs all of them, so that one browser is open at a time.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Served]:
    """A Tasuki with the agreement that it comes with, open to everybody."""
    settings = read_settings(_env_file=None, data_dir=tmp_path, open_pages=True)
    open_state(settings, Clock(NOW)).close()
    served = Served(settings, Clock(NOW))
    served.start()
    yield served
    served.stop()
    served.state.close()


def well(tab: Watched) -> bool:
    """Readable for everybody, and no wider than the window, at a desk and on a phone."""
    for size in (PHONE, DESK):
        tab.page.set_viewport_size(size)
        assert not tab.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"), widest(tab)
    assert violations(tab) == []
    return tab.wrong == []


def test_a_change_of_the_agreement_is_looked_at_and_published(browser: Browser, fresh: Served) -> None:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport=DESK)
    tab = Watched(context.new_page(), fresh.base)
    page = tab.page
    tab.open("/sla")
    page.get_by_role("link", name="「MQL 24時間」を変更").click()
    assert well(tab)
    page.get_by_label("対応までの時間").fill("9")
    page.get_by_label("数え方").select_option("business_hours")
    page.get_by_label("スコア(以上)").fill("70")
    page.get_by_label("変更の理由").fill("会議 #18 の決定")
    page.get_by_label("変更の理由").press("Tab")
    page.get_by_role("button", name="変更内容を確認").click()
    assert well(tab)
    assert "MQLになってから9営業時間以内に初回対応します" in page.inner_text("#preview")
    assert "スコアが70以上" in page.inner_text("#preview")
    assert page.get_by_label("対応までの時間").input_value() == "9"
    page.get_by_role("button", name="公開する").click()
    page.get_by_role("heading", name="v1 と v2 の違い").wait_for()
    assert "会議 #18 の決定" in page.inner_text("main")
    assert "v2" in page.inner_text("article h2")
    assert well(tab)
    context.close()


def test_a_company_holiday_is_looked_at_and_published(browser: Browser, fresh: Served) -> None:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport=DESK)
    tab = Watched(context.new_page(), fresh.base)
    page = tab.page
    tab.open("/sla")
    page.get_by_role("link", name="カレンダー", exact=True).click()
    page.get_by_role("link", name="default").click()
    assert well(tab)
    page.get_by_label("会社休日").fill("2026-09-25 創立記念日")
    page.get_by_role("button", name="変わる期限を確認").click()
    assert well(tab)
    assert "2026-09-25(創立記念日)" in page.inner_text("#preview")
    page.get_by_role("button", name="公開する").click()
    page.get_by_role("heading", name="2026").wait_for()
    assert "■25 創立記念日" in page.inner_text("#main").replace("■ ", "■")
    assert well(tab)
    context.close()
