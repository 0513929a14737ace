"""A real browser on a real server that serves the demo's company. What is missing on a machine is said loudly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from app.commands.web import listening
from app.demo import play
from app.main import create_app
from app.settings import Settings, read_settings
from app.state import open_state
from tests.browser.needs import CHROMIUM, missing
from tests.conftest import Clock

#: Thursday 2026-09-24, 9:05 in Tokyo, before the seventh week's meeting.
NOW = datetime(2026, 9, 24, 0, 5, tzinfo=UTC)
#: A browser that calls home would fail on a closed network and make every test slow.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a browser they are skipped, loudly."""
    if why := missing():
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The demo's twelve weeks, played until NOW."""
    folder = tmp_path_factory.mktemp("company")
    settings = read_settings(_env_file=None, data_dir=folder, open_pages=True)
    play.play(settings, NOW, lambda _sent, _all: None)
    return settings


@pytest.fixture(scope="module")
def browser(company: Settings) -> Iterator[Browser]:
    """Closed with the last test of a file: while it is open, its event loop runs in this thread."""
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


class Served:
    """A server of its own thread on a free port."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        with listening("127.0.0.1", 0, "demo") as found:
            self.port = found.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        self.state = open_state(settings.model_copy(update={"public_url": self.base}), clock, migrate=False)
        self.app = create_app(self.state.settings, scheduled=False, state=self.state)
        self.server = uvicorn.Server(uvicorn.Config(self.app, port=self.port, log_level="warning", access_log=False))
        self.thread = threading.Thread(target=self.server.run, daemon=True)

    def start(self) -> None:
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.02)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join(30)


@pytest.fixture(scope="session")
def served(company: Settings) -> Iterator[Served]:
    """For looking; nothing that a test does may change what another one sees."""
    opened = Served(company, Clock(NOW))
    opened.start()
    yield opened
    opened.stop()


class Watched:
    """A tab, and what it complained about or asked other hosts for."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self.base = page, base
        self.wrong: list[str] = []
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda asked: self._asked(asked.url))

    def _asked(self, url: str) -> None:
        if not url.startswith((self.base, "data:", "blob:")):
            self.wrong.append(f"asked another host: {url}")

    def open(self, path: str) -> int:
        answer = self.page.goto(self.base + path)
        assert answer is not None
        return answer.status


@pytest.fixture
def tab(browser: Browser, served: Served) -> Iterator[Watched]:
    context = browser.new_context(locale="ja-JP", timezone_id="Asia/Tokyo")
    yield Watched(context.new_page(), served.base)
    context.close()
