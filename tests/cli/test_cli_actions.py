"""`tasuki action`: entered, listed, carried over, done."""

from __future__ import annotations

SENTENCE = "Ito will, within 10 days: review the price list. Done when: sales agreed"


def test_from_the_sentence_to_done(tasuki_anywhere) -> None:
    tasuki = tasuki_anywhere
    assert "Action item 1 is entered: Ito will, by" in tasuki("action", "add", SENTENCE).stdout
    tasuki("action", "add", "--owner", "田中", "--due", "2週間以内", "--text", "一覧を直す", "--done-when", "公開済み")
    listed = tasuki("action", "list").stdout
    assert "review the price list" in listed
    assert "一覧を直す" in listed
    tasuki("action", "report", "1", "half done")
    assert "sales agreed" in tasuki("action", "carry", "1", "--due", "3 weeks", "--reason", "away").stdout
    shown = tasuki("action", "show", "1").stdout
    assert "open, carried over 1 times" in shown
    assert [word in shown for word in ("half done", "carried over", "away")] == [True] * 3
    assert tasuki("action", "edit", "1", "--owner", "Sato").stdout.startswith("Sato will")
    assert "done" in tasuki("action", "done", "1").stdout
    assert [item["id"] for item in tasuki.json("action", "list")] == [2]
    tasuki("action", "reopen", "1", "--reason", "it was not")
    assert "given up" in tasuki("action", "drop", "1", "--reason", "no longer needed").stdout
    assert len(tasuki.json("action", "list", "--all")) == 2
    assert len(tasuki.json("action", "show", "1")["steps"]) == 7


def test_what_is_missing_is_said(tasuki) -> None:
    said = tasuki("action", "add", "--owner", "Ito", "--due", "2 weeks", "--text", "x", exits=3).output
    assert "Say how one sees that it is done" in said
    assert "Say until when" in tasuki("action", "add", "--owner", "Ito", exits=3).output
    assert "No action item has the number 7" in tasuki("action", "done", "7", exits=3).output
