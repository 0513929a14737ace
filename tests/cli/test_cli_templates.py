"""`tasuki meeting template` and what a series takes from files, as a person types them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

TEMPLATE = """\
name: Weekly
minutes: 60
items:
- block: kpi_review
  minutes: 25
- block: free
  minutes: 30
  title: Trade fair
- block: decisions
  minutes: 5
"""
PEOPLE = """\
- name: 佐藤 翔太
  email: sato@example.jp
  role: marketing_lead
  duty: facilitator
- {name: 伊藤, email: ito@example.jp, role: sales_lead, delegate: kimura@example.jp}
"""


@pytest.fixture
def files(tasuki) -> Any:
    """`files(name=text)` writes into the folder that commands run in."""

    def write(**texts: str) -> None:
        for name, text in texts.items():
            Path(f"{name}.yaml").write_text(text, encoding="utf-8")

    return write


def test_from_the_one_that_comes_with_tasuki_to_ones_own(tasuki, files) -> None:
    shown = tasuki("meeting", "template", "built-in", "75").stdout
    assert "# 15 min: SLA breaches and their causes (Head of sales)" in shown
    assert "# Status items: 25 of 75 minutes" in shown
    said = tasuki("meeting", "template", "set", "weekly", "-", stdin=shown).stdout
    assert said == "weekly v1: the next meetings are held by it.\n"
    again = tasuki("meeting", "template", "show", "weekly").stdout
    assert yaml.safe_load(again) == yaml.safe_load(shown)
    assert "標準の議題(90分)" in tasuki("meeting", "template", "built-in", "90", "--lang", "ja").stdout
    assert tasuki.json("meeting", "template", "built-in", "60")["status_minutes"] == 18


def test_versions_and_their_series(tasuki, files) -> None:
    files(own=TEMPLATE)
    warned = tasuki("meeting", "template", "set", "own", "own.yaml")
    assert "only reports progress" in warned.stderr
    tasuki("meeting", "series", "set", "--template", "own")
    files(own=TEMPLATE.replace("Weekly", "Fortnightly"))
    tasuki("meeting", "template", "set", "own", "own.yaml")
    (listed,) = tasuki.json("meeting", "template", "list")
    assert (listed["key"], listed["version"], listed["used_by"]) == ("own", 2, ["default"])
    assert "Fortnightly" in tasuki("meeting", "template", "list").stdout
    assert tasuki.json("meeting", "template", "show", "own", "--version", "1")["template"]["name"] == "Weekly"
    assert "Fortnightly" in tasuki("meeting", "template", "show", "own").stdout
    assert "has no version 3" in tasuki("meeting", "template", "show", "own", "--version", "3", exits=3).stderr
    assert "called none" in tasuki("meeting", "template", "show", "none", exits=3).stderr
    refused = tasuki("meeting", "series", "set", "--minutes", "75", "--lang", "ja", exits=3).stderr
    assert refused == "/template: テンプレート own は60分用です。会議は75分に設定されています。\n"
    assert tasuki("meeting", "series", "set", "--template", "", "--minutes", "75")


@pytest.mark.parametrize(
    ("old", "new", "en", "ja"),
    [
        (
            "minutes: 25", "minutes: 60", "own.yaml:3: /items: The time boxes add up to 95 minutes, 35 more",
            "own.yaml:3: /items: 時間配分の合計が95分です。会議時間の60分を35分超えています。",
        ),
        ("kpi_review", "kpi", "own.yaml:4: /items/0/block: Must be one of: `actions`", "items/0/block: 次の"),
        ("  title: Trade fair\n", "", "own.yaml:6: /items/1/title: Give", "own.yaml:6: /items/1/title: 自由議題には"),
        ("minutes: 60", "minutes: 45", "own.yaml:2: /minutes: Must", "own.yaml:2: /minutes: 次の"),
        ("items:", "items: [", "own.yaml:", "own.yaml:"),
    ],
)  # fmt: skip
def test_the_line_of_what_cannot_be_held(tasuki, files, old, new, en, ja) -> None:
    files(own=TEMPLATE.replace(old, new, 1))
    for language, said in (("en", en), ("ja", ja)):
        refused = tasuki("meeting", "template", "set", "own", "own.yaml", "--lang", language, exits=3)
        assert said in refused.stderr
    assert tasuki.json("meeting", "template", "list") == []


def test_words_for_what_is_not_there(tasuki, files) -> None:
    files(own=TEMPLATE)
    assert tasuki("meeting", "template", "built-in", "61", exits=2)
    assert "There is no such file" in tasuki("meeting", "template", "set", "own", "no.yaml", exits=3).stderr
    assert tasuki("meeting", "template", "set", "O n", "own.yaml", exits=3).stderr.startswith("/key: ")


def test_who_comes_to_a_series(tasuki, files) -> None:
    files(people=PEOPLE)
    said = tasuki("meeting", "series", "set", "--attendees", "people.yaml", "--room", "A", "--every-weeks", "4")
    assert "a meeting a month" in said.stderr
    assert "Nobody from inside sales" in said.stderr
    (series,) = tasuki.json("meeting", "series", "show")
    assert [(who["email"], who["delegate"]) for who in series["attendees"]] == [
        ("sato@example.jp", ""),
        ("ito@example.jp", "kimura@example.jp"),
    ]
    assert (series["room"], len(series["warnings"])) == ("A", 2)
    shown = tasuki("meeting", "series", "show", "--lang", "ja")
    assert "4週ごと木曜 10:00" in shown.stdout
    assert "参加者にインサイドセールス担当がいません" in shown.stderr
    tasuki("meeting", "series", "set", "--attendees", "-", stdin="[]\n")
    assert tasuki.json("meeting", "series", "show")[0]["attendees"] == []


def test_whom_and_what_another_series_needs(tasuki, files) -> None:
    files(people=PEOPLE, wrong=PEOPLE.replace("sales_lead", "sales"))
    tasuki("meeting", "series", "set", "--attendees", "people.yaml", "--room", "A")
    west = ("meeting", "series", "set", "--key", "west", "--lang", "ja")
    refused = tasuki(*west, "--attendees", "people.yaml", exits=3).stderr.splitlines()
    assert [line.split(" ")[0] for line in refused] == ["people.yaml:2:", "people.yaml:5:"]
    assert all("「営業×マーケ連携会議」の予定があります" in line for line in refused)
    assert tasuki(*west, "--room", "A", exits=3).stderr.startswith("/room: ")
    assert tasuki(*west, "--first", "2026-01-05", exits=3).stderr.startswith("/first: 過去の日付です")
    refused = tasuki(*west, "--attendees", "wrong.yaml", exits=3).stderr
    assert refused.startswith("wrong.yaml:5: /1/role: 次のいずれかを指定してください: `marketing_lead`、`sales_lead`")
    assert len(tasuki.json("meeting", "series", "show")) == 1
