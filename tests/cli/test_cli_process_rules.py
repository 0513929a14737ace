"""`tasuki process-rule`: agreed on, listed with what the data says, changed, withdrawn."""

from __future__ import annotations

import pytest

ADD = ("process-rule", "add", "in-2h", "対応後2時間以内に記録する", "--check", "late_logging")


@pytest.fixture
def rules(tasuki):
    tasuki(*ADD, "--agreed-on", "2024-09-10", "--series", "default", "--meeting", "2")
    return tasuki


def test_agreed_on_and_listed(rules) -> None:
    (listed,) = rules.json("process-rule", "list")
    assert (listed["key"], listed["check"], listed["agreed_on"], listed["meeting_number"]) == (
        "in-2h",
        "late_logging",
        "2024-09-10",
        2,
    )
    # An empty database heard nothing, of which nothing follows.
    assert (listed["state"], listed["cases"]) == ("unchecked", 0)
    assert "no tool reported anything" in rules("process-rule", "list").stdout
    assert "合意日" in rules("process-rule", "list", "--lang", "ja").stdout


def test_what_is_not_given_stays(rules) -> None:
    assert (
        "agreed on less than 7 days ago; cases so far: 0"
        in rules("process-rule", "change", "in-2h", "--most", "3").stdout
    )
    shown = rules.json("process-rule", "show", "in-2h")
    assert (shown["version"], shown["text"], shown["check"], shown["most"], shown["series_key"]) == (
        2,
        "対応後2時間以内に記録する",
        "late_logging",
        3,
        "default",
    )
    assert [version["most"] for version in shown["versions"]] == [3, 0]
    rules("process-rule", "change", "in-2h", "当日中に記録する", "--no-check")
    said = rules("process-rule", "show", "in-2h").stdout
    assert "in-2h v3: 当日中に記録する\nnot verified: no check goes with it" in said
    assert "2時間以内" in said


def test_withdrawn(rules) -> None:
    assert "applies no more" in rules("process-rule", "withdraw", "in-2h", "--reason", "自動化した").stdout
    assert rules.json("process-rule", "list") == []
    (gone,) = rules.json("process-rule", "list", "--all")
    assert (gone["state"], gone["withdrawn_reason"]) == ("withdrawn", "自動化した")
    assert "自動化した" in rules("process-rule", "show", "in-2h").stdout


@pytest.mark.parametrize(
    ("words", "exits", "said"),
    [
        (ADD, 3, "/key: There is a process rule in-2h already"),
        (("process-rule", "add", "b", " "), 3, "/text: "),
        (("process-rule", "add", "b", "x", "--agreed-on", "2099-01-01"), 3, "/agreed_on: "),
        (("process-rule", "add", "b", "x", "--agreed-on", "1999-01-01"), 3, "/agreed_on: "),
        (("process-rule", "add", "b", "x", "--agreed-on", "soon"), 2, "soon"),
        (("process-rule", "add", "b", "x", "--series", "nowhere"), 3, "/series: "),
        (("process-rule", "add", "b", "x", "--check", "tidy"), 2, "tidy"),
        (("process-rule", "show", "other"), 3, "No process rule has the key other"),
        (("process-rule", "change", "other", "x"), 3, "No process rule has the key other"),
        (("process-rule", "withdraw", "in-2h", "--reason", ""), 3, "/reason: "),
    ],
)
def test_nonsense_is_refused(rules, words, exits, said) -> None:
    assert said in rules(*words, exits=exits).output
    assert len(rules.json("process-rule", "list", "--all")) == 1
