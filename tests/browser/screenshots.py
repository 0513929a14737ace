"""`python -m tests.browser.screenshots` takes the READMEs' pictures anew: the demo's company, in both languages."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from app.demo import play
from app.settings import read_settings
from tests.browser.conftest import ARGUMENTS, NOW, Served
from tests.browser.needs import CHROMIUM, missing
from tests.conftest import Clock

FOLDER = Path(__file__).parents[2] / "docs" / "screens"
#: Name of the picture → page, and how much of it is shown, in pixels.
PICTURES = {
    "today": ("/", 900),
    "meeting": ("/meetings/default/6/minutes", 1000),
    "kpi": ("/kpi", 1150),
}


def main() -> None:
    if why := missing():
        raise SystemExit(why)
    with tempfile.TemporaryDirectory() as folder:
        settings = read_settings(_env_file=None, data_dir=Path(folder), open_pages=True)
        play.play(settings, NOW, lambda _sent, _all: None)
        served = Served(settings, Clock(NOW))
        served.start()
        with sync_playwright() as started:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            take(browser, served)
            browser.close()
        served.stop()


def take(browser: Browser, served: Served) -> None:
    FOLDER.mkdir(exist_ok=True)
    for locale in ("ja", "en"):
        for name, (path, height) in PICTURES.items():
            page = browser.new_page(viewport={"width": 1280, "height": height}, locale=locale)
            page.goto(f"{served.base}{path}?lang={locale}")
            page.screenshot(path=FOLDER / f"{name}.{locale}.png")
            page.close()


if __name__ == "__main__":
    main()
