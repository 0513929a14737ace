"""Both tongues say everything."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po

from app.domain.language import day, known_locale, moment, span, text

ROOT = Path(__file__).parent.parent
TOKYO = ZoneInfo("Asia/Tokyo")
AT = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)


def catalogue() -> dict[str, str]:
    merged: dict[str, str] = {}
    for file in sorted((ROOT / "app" / "locales" / "ja").glob("*.po")):
        with file.open("rb") as opened:
            for message in read_po(opened, locale="ja"):
                if message.id:
                    assert merged.get(str(message.id), message.string) == message.string, (
                        f"{message.id} has two meanings"
                    )
                    merged[str(message.id)] = str(message.string)
    return merged


#: Function → which of its arguments are messages.
MESSAGES = {
    "text": slice(1, 2),
    "refused": slice(2, 3),
    "complaint": slice(1, 2),
    "say": slice(0, 1),
    "words": slice(0, 1),
    "columns": slice(0, None),
}


def literal_messages() -> set[str]:
    """What is written out as a message in the code, and as _("…") in the templates."""
    found: set[str] = set()
    for path in (ROOT / "app").rglob("*.py"):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            arguments = call.args[MESSAGES.get(name, slice(0, 0))]
            found |= {str(a.value) for a in arguments if isinstance(a, ast.Constant) and a.value}
    for path in (ROOT / "app").rglob("*.html"):
        found |= {m[2] for m in re.finditer(r"""\b(?:_|say)\(\s*(['"])(.+?)\1""", path.read_text())}
    return found


def test_every_message_has_japanese() -> None:
    ja = catalogue()
    assert sorted(m for m in literal_messages() if not ja.get(m)) == []


def test_both_tongues_fill_in_the_same_values() -> None:
    names = re.compile(r"\{(\w+)")
    extra = {"missing"}  # how many downloads are still to come reads well in Japanese only
    wrong = {m: s for m, s in catalogue().items() if set(names.findall(m)) != set(names.findall(s)) - extra}
    assert wrong == {}


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (moment(AT, TOKYO, "ja"), "9/24(木) 17:30"),
        (moment(AT, TOKYO, "en"), "Thu 9/24 17:30"),
        (moment(AT, TOKYO, "ja", year=True), "2026-09-24(木) 17:30"),
        (day(AT, TOKYO, "ja"), "9/24(木)"),
        (span(timedelta(hours=2, minutes=10), "ja"), "2時間10分"),
        (span(timedelta(days=3, hours=4, minutes=5), "ja"), "3日4時間"),
        (span(timedelta(minutes=-30), "en"), "30m"),
        (span(timedelta(), "ja"), "0分"),
        (text("en", "no such {thing}", thing="message"), "no such message"),
        (known_locale("fr-FR,en;q=0.8"), "en"),
        (known_locale("ja-JP"), "ja"),
        (known_locale("de"), "ja"),
    ],
)
def test_forms(written: str, wanted: str) -> None:
    assert written == wanted
