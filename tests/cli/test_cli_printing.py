"""How commands speak: tables in any width, both tongues, one sentence for every failure."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from pydantic import BaseModel
from rich.cells import cell_len
from sqlalchemy.exc import OperationalError

from app.cli import app, breakable, language_first
from app.commands.failures import CannotDo, exit_code, in_words
from app.commands.printing import Terminal, fitted
from app.domain.language import translations
from app.domain.refusals import Refused, refused
from app.flows.policies import NoSuchCalendar
from app.flows.sources import NoSuchSource, WrongKey
from app.settings import BadSettings

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize(
    ("widths", "room", "fit"),
    [
        ([5, 10], 80, [5, 10]),
        ([5, 10], 18, [5, 10]),
        ([5, 60, 40], 80, [5, 35, 34]),
        ([5, 60, 22], 80, [5, 47, 22]),
        ([30, 30], 47, [22, 22]),
        ([30, 30], 46, None),
        ([21, 21, 21, 21], 80, None),
        ([], 80, []),
    ],
)
def test_the_widest_columns_give_way(widths, room, fit) -> None:
    found = fitted(widths, room)
    assert found is None if fit is None else sorted(found) == sorted(fit)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_no_word_is_lost_and_no_line_too_long(capsys, monkeypatch, width) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    terminal = Terminal("ja", ZoneInfo("Asia/Tokyo"))
    rows = [("営業×マーケ連携会議", 12, "2026-09-24(木) 10:00", "理由がとても長いときも、切れてはいけない" * 2)]
    terminal.table(("Name", "Number", "When", "Why"), rows)
    said = capsys.readouterr().out
    assert Counter("".join(map(str, rows[0]))) - Counter(said) == Counter()
    if "─" in said:
        assert max(cell_len(line) for line in said.splitlines()) <= width
        assert "2026-09-24(木) 10:00" in said


def test_json_has_times_in_utc(capsys) -> None:
    at = datetime(2026, 9, 24, 10, tzinfo=ZoneInfo("Asia/Tokyo"))
    Terminal("ja", ZoneInfo("Asia/Tokyo")).json({"at": at, "who": "佐藤", "scopes": frozenset({"b", "a"})})
    written = '{\n  "at": "2026-09-24T01:00:00Z",\n  "who": "佐藤",\n  "scopes": [\n    "a",\n    "b"\n  ]\n}\n'
    assert capsys.readouterr().out == written


@pytest.mark.parametrize(
    ("given", "first"),
    [
        (["due", "x", "--lang", "ja"], ["--lang", "ja", "due", "x"]),
        (["source", "list", "--lang=en"], ["--lang=en", "source", "list"]),
        (["due", "x"], ["due", "x"]),
        (["--lang", "en"], ["--lang", "en", "--help"]),
        (["due", "--lang"], ["due", "--lang"]),
        (["due", "--", "--lang", "ja"], ["due", "--", "--lang", "ja"]),
    ],
)
def test_the_language_may_stand_anywhere(given, first) -> None:
    assert language_first(given) == first


def test_japanese_help_can_be_broken_after_each_phrase() -> None:
    assert breakable("設定は、ここです。次へ") == "設定は、 ここです。 次へ"
    assert breakable("Plain, English. Help") == "Plain, English. Help"


def test_languages(tasuki) -> None:
    assert "連携元" in tasuki("source", "list", TASUKI_LOCALE="ja").stdout
    assert "There is no source yet." in tasuki("source", "list", "--lang", "en", TASUKI_LOCALE="ja").stdout
    assert "連携元を追加" in tasuki("--lang", "ja", "source", "add", "--help").stdout
    assert "'fr'" in tasuki("--lang", "fr", "source", "list", exits=2).stderr


# --- every word in both tongues


def messages() -> set[str]:
    """Literal message ids: what is handed to say, words, warn, table, Sign, CannotDo …, and the help."""
    found: set[str] = set()
    for file in [*(ROOT / "app" / "commands").glob("*.py"), ROOT / "app" / "flows" / "checkup.py"]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call):
                found |= set(_literals(node))
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in ("message", "fix", "columns"):
                found |= {
                    n.value for n in ast.walk(node.value) if isinstance(n, ast.Constant) and isinstance(n.value, str)
                }
    return {message for message in found | set(_help(typer.main.get_command(app))) if message}


SPEAKERS = {"say", "words", "warn", "progress", "Sign", "CannotDo", "_section", "typed", "table"}


def _literals(call: ast.Call) -> list[str]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name not in SPEAKERS:
        return []
    spoken = call.args[:2] if name == "Sign" else call.args[:1]
    return [words for arg in spoken for words in _texts(arg)]


def _texts(node: ast.AST) -> Iterator[str]:
    """Literals, but not the keys of what is looked up."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif not isinstance(node, ast.Subscript | ast.JoinedStr):
        for inside in ast.iter_child_nodes(node):
            yield from _texts(inside)


def _help(command: Any) -> list[str]:
    own = [command.help or "", *(getattr(parameter, "help", None) or "" for parameter in command.params)]
    return own + [words for below in getattr(command, "commands", {}).values() for words in _help(below)]


def test_every_word_has_japanese() -> None:
    found, known = messages(), translations("ja")._catalog  # type: ignore[attr-defined]
    assert len(found) > 150
    assert sorted(m for m in found if m not in known and m != "Show this message and exit.") == []


# --- failures


class Wanted(BaseModel):
    number: int


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (CannotDo("No lead is known as {words}.", words="x"), 3, ["No lead is known as x."]),
        (CannotDo("No lead is known as {words}.", 2, words="x"), 2, ["No lead is known as x."]),
        (BadSettings("TASUKI_PORT: is wrong"), 2, ["A setting is wrong: TASUKI_PORT: is wrong"]),
        (refused("/a", "code", "Must not be empty."), 3, ["/a: Must not be empty."]),
        (Refused([*refused("/a", "c", "A").refusals, *refused("", "c", "B").refusals]), 3, ["/a: A", "B"]),
        (NoSuchSource("x"), 3, ["No source is called x. `tasuki source list` shows them."]),
        (NoSuchCalendar("x"), 3, ["No calendar is called x. `tasuki calendar list` shows them."]),
        (WrongKey("TASUKI_SECRET_KEY does not open"), 2, ["TASUKI_SECRET_KEY does not open"]),
        (
            OperationalError("select", {}, Exception("refused\nsecond line")),
            1,
            ["The database does not answer: refused. Check TASUKI_DATABASE_URL."],
        ),
        (PermissionError(13, "Permission denied", "/data"), 1, ["/data: Permission denied"]),
    ],
)
def test_a_failure_is_said_with_its_exit_code(error, code, said) -> None:
    assert exit_code(error) == code
    assert list(in_words(error, "en")) == said


def test_what_nobody_thought_of_names_its_place_and_no_traceback(tasuki, monkeypatch) -> None:
    monkeypatch.setattr("app.flows.tokens.listed", lambda _: 1 / 0)
    said = tasuki("token", "list", exits=1).stderr
    assert re.fullmatch(
        r"Something unexpected went wrong; please report it: ZeroDivisionError: .*\(\S+\.py:\d+\)\n", said
    )


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"TASUKI_PORT": "abc"}, "TASUKI_PORT: Must be a whole number."),
        ({"TASUKI_PORT": "0"}, "TASUKI_PORT: Must be 1 or more."),
        ({"TASUKI_LOCALE": "de"}, "TASUKI_LOCALE: "),
        ({"TASUKI_TIME_ZONE": "Asia/Tokio"}, "TASUKI_TIME_ZONE: no time zone is called 'Asia/Tokio'"),
        ({"TASUKI_PUBLIC_URL": "tasuki.example.com"}, "TASUKI_PUBLIC_URL: must start with http:// or https://"),
        ({"TASUKI_SECRET_KEY": "x"}, "TASUKI_SECRET_KEY: is not a key"),
        ({"TASUKI_SLACK_WEBHOOKS": "{"}, "TASUKI_SLACK_WEBHOOKS: must be written as JSON"),
        ({"TASUKI_DATABASE_URL": "mysql://x"}, "TASUKI_DATABASE_URL: mysql is not supported"),
        ({"TASUKI_DATABASE_URL": "postgresql://x/y", "TASUKI_SECRET_KEY": ""}, "TASUKI_SECRET_KEY is needed"),
    ],
)
def test_a_wrong_setting_stops_every_command_with_one_sentence(tasuki, env, said) -> None:
    for words in (("token", "list"), ("serve",), ("worker",), ("demo",)):
        result = tasuki(*words, "--lang", "en", exits=2, **env)
        assert said in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert said in tasuki("doctor", "--lang", "en", exits=1, **env).stdout


def test_a_database_that_is_down_is_said_in_one_sentence(tasuki) -> None:
    down = {"TASUKI_DATABASE_URL": "postgresql://u:geheim@127.0.0.1:1/x"}
    for words in (("token", "list"), ("serve", "--port", "8999"), ("worker",)):
        result = tasuki(*words, exits=1, **down)
        assert result.stderr.startswith("The database does not answer: ")
        assert "geheim" not in result.output
        assert len(result.stderr.strip().splitlines()) == 1
