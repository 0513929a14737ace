"""The first run in a real browser: the link, six questions, and the lead that then comes stands in the queue."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser

from app.flows import setting_up, sweep
from app.settings import read_settings
from app.state import open_state, secret_keys
from connectors.standard.connector import StandardConfig, proof_of
from tests.browser.conftest import NOW, Served, Watched
from tests.browser.test_every_page import DESK, PHONE, looked_at
from tests.conftest import Clock

#: One worker runs all of them, so that one browser is open at a time.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Served]:
    """A Tasuki that nobody has opened yet."""
    settings = read_settings(_env_file=None, data_dir=tmp_path)
    open_state(settings, Clock(NOW)).close()
    served = Served(settings, Clock(NOW))
    served.start()
    yield served
    served.stop()
    served.state.close()


def test_from_the_first_link_to_the_first_lead_in_the_queue(browser: Browser, empty: Served) -> None:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport=DESK)
    tab = Watched(context.new_page(), empty.base)
    page = tab.page
    tab.open(f"/first/{setting_up.invitation(secret_keys(empty.state.settings))}")
    page.get_by_label("メールアドレス").fill("ito@example.jp")
    page.get_by_label("名前").fill("伊藤 健")
    page.get_by_label("新しいパスワード", exact=True).fill("correct horse battery")
    page.get_by_label("新しいパスワード(確認)").fill("correct horse battery")
    page.get_by_role("button", name="はじめる").click()
    page.get_by_role("link", name="はじめる").click()
    page.get_by_label("9営業時間以内").check()
    page.get_by_role("button", name="保存して次へ").click()
    page.get_by_label("スコアと資料ダウンロード").check()
    page.get_by_role("button", name="保存して次へ").click()
    page.get_by_role("button", name="保存して次へ").click()
    page.get_by_role("button", name="現在の設定のままにする").click()
    page.get_by_label("曜日").select_option("thu")
    page.get_by_role("button", name="保存して次へ").click()
    page.get_by_label("ツール", exact=True).select_option("standard")
    page.get_by_label("URLに使う短い名前").fill("seminar")
    page.get_by_role("button", name="接続する").click()
    secret = page.get_by_text(re.compile("^whsec_")).inner_text()
    page.get_by_role("link", name="動作を確認する").click()
    assert page.get_by_text("まだ何も受信していません").is_visible()
    send(empty, secret)
    page.reload()
    page.get_by_role("link", name="キューを開く").click()
    assert page.get_by_text("山田製作所").first.is_visible()
    assert "9/25(金) 09:05" in page.inner_text("main")
    assert tab.wrong == []
    context.close()


def send(served: Served, secret: str) -> None:
    """A lead with a score of 86 and three downloads, as a tool sends it; then what the scheduler does."""
    state = served.state
    state.directory.refresh(NOW)
    about = {"lead": {"id": "1", "email": "sato@yamada.example"}, "occurred_at": NOW.isoformat()}
    told = [about | {"id": "1", "kind": "lead", "name": "佐藤 花子", "company": "山田製作所"}]
    told += [about | {"id": f"d{n}", "kind": "activity", "activity": "download", "asset": str(n)} for n in range(3)]
    told += [about | {"id": "2", "kind": "score", "score": 86}]
    body = json.dumps(told).encode()
    headers = proof_of(body, secret, StandardConfig(), NOW)
    assert httpx.post(f"{served.base}/webhooks/seminar", content=body, headers=headers).status_code == 202
    while state.ledger.drain(NOW):
        pass
    sweep.run(state.database, state.versions, NOW)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("locale", ["ja", "en"])
def test_everybody_can_read_every_question(browser: Browser, empty: Served, locale, size) -> None:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo", viewport=size)
    tab = Watched(context.new_page(), empty.base)
    first = f"/first/{setting_up.invitation(secret_keys(empty.state.settings))}"
    wrong = {first: looked_at(tab, f"{first}?lang={locale}", locale, phone=size is PHONE)}
    empty.state.settings = empty.state.settings.model_copy(update={"open_pages": True})
    for step in ("", *(f"/{step}" for step in setting_up.Step)):
        address = f"/setup{step}?lang={locale}"
        wrong[address] = looked_at(tab, address, locale, phone=size is PHONE)
    assert {address: said for address, said in wrong.items() if said} == {}
    context.close()
