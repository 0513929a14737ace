"""Action items over REST: the article's sentence, carrying over, nonsense with its field, and two people at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from app.flows import criteria, funnel
from tests.conftest import FRIDAY

DAY = timedelta(days=1)
#: Friday 2026-09-18; two weeks later is 10/2, a Friday.
PROMISED: dict[str, Any] = {
    "owner": "伊藤 健",
    "due_on": "2026-10-02",
    "text": "発信コンテンツ見直し案を営業責任者に共有し、フィードバックを得る",
    "done_when": "営業責任者のコメントが議事録に残っている",
}
SENTENCE = "マーケティング担当者が、2週間以内に、発信コンテンツ見直し案を営業責任者に共有し、フィードバックを得る"


@pytest.fixture
def desk(office) -> Any:
    office.clock.now = FRIDAY
    return office


def add(desk: Any, **changes: Any) -> dict[str, Any]:
    answer = desk.asks("POST", "/v1/actions", json=PROMISED | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def say(desk: Any, number: int, what: str, **body: Any) -> Any:
    return desk.asks("POST", f"/v1/actions/{number}/{what}", json=body)


def test_the_sentence_of_the_article(desk) -> None:
    made = desk.asks("POST", "/v1/actions", json={"sentence": SENTENCE, "done_when": PROMISED["done_when"]}).json()
    assert (made["owner"], made["due_on"]) == ("マーケティング担当者", "2026-10-02")
    assert made["sentence"] == (
        "マーケティング担当者が、10/2(金)までに、発信コンテンツ見直し案を営業責任者に共有し、フィードバックを得る。"
        "完了基準: 営業責任者のコメントが議事録に残っている"
    )
    again = desk.asks("POST", "/v1/actions", json={"sentence": made["sentence"]}).json()
    assert {name: again[name] for name in PROMISED} == {name: made[name] for name in PROMISED}


@pytest.mark.parametrize(
    ("changes", "place", "said"),
    [
        ({"done_when": " "}, "/done_when", "完了基準を入力してください。"),
        ({"owner": ""}, "/owner", "担当者を1名指定してください。"),
        ({"text": ""}, "/text", "実施する内容を入力してください。"),
        ({"due_on": None}, "/due_on", "期限を入力してください。"),
        ({"due_on": "2026-09-17"}, "/due_on", None),
        ({"due_on": "2036-01-01"}, "/due_on", None),
        ({"due_on": None, "due": "いつか"}, "/due", None),
        ({"sentence": "がんばる"}, "/sentence", None),
        ({"series": "nobody"}, "/series", None),
        ({"handoff": 99}, "/handoff", None),
        ({"owner": "伊藤\x00"}, "/owner", None),
    ],
)
def test_what_is_missing_is_named_in_both_languages(desk, changes, place, said) -> None:
    answer = desk.asks("POST", "/v1/actions", json=PROMISED | changes, headers={"Accept-Language": "ja"})
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    (error,) = answer.json()["errors"]
    assert error["pointer"] == place
    assert error["message_ja"] == (said or error["message_ja"])
    assert [in_kana(error[f"message_{tongue}"]) for tongue in ("ja", "en")] == [True, False]
    assert desk.get("/v1/actions")["items"] == []


def in_kana(words: str) -> bool:
    return any("\u3040" <= letter <= "\u30ff" for letter in words)


def test_its_life_is_kept_step_by_step(desk) -> None:
    number = add(desk)["id"]
    say(desk, number, "reports", said="8割まで完了")
    assert say(desk, number, "carry", due_on="2026-10-09").json()["errors"][0]["pointer"] == "/reason"
    assert say(desk, number, "carry", reason="出張", due_on="2026-09-01").json()["errors"][0]["pointer"] == "/due_on"
    carried = say(desk, number, "carry", reason="営業責任者が出張中", due_on="2026-10-09").json()
    assert (carried["carried"], carried["due_on"]) == (1, "2026-10-09")
    assert say(desk, number, "done").json()["state"] == "done"
    assert say(desk, number, "reports", said="まだ").status_code == 422
    assert say(desk, number, "reopen", reason="コメントがなかった").json()["state"] == "open"
    assert say(desk, number, "drop", reason="方針変更").json()["state"] == "dropped"
    steps = desk.get(f"/v1/actions/{number}")["steps"]
    assert [(step["kind"], step["text"], step["due_before"], step["due_on"]) for step in steps] == [
        ("added", "", None, "2026-10-02"),
        ("reported", "8割まで完了", None, "2026-10-02"),
        ("carried", "営業責任者が出張中", "2026-10-02", "2026-10-09"),
        ("done", "", None, "2026-10-09"),
        ("reopened", "コメントがなかった", None, "2026-10-09"),
        ("dropped", "方針変更", None, "2026-10-09"),
    ]


def test_lists(desk) -> None:
    first, second = add(desk), add(desk, owner="田中 舞", due_on="2026-09-25")
    say(desk, first["id"], "done")
    desk.clock.now = FRIDAY + 8 * DAY
    assert [each["id"] for each in desk.get("/v1/actions", state="open")["items"]] == [second["id"]]
    (late,) = desk.get("/v1/actions", overdue=True)["items"]
    assert (late["id"], late["overdue"]) == (second["id"], True)
    assert [each["id"] for each in desk.get("/v1/actions", owner="伊藤 健")["items"]] == [first["id"]]
    assert desk.asks("GET", "/v1/actions/99").status_code == 404


def test_of_two_at_once_the_second_sees_what_the_first_said(desk) -> None:
    made = add(desk)
    number, seen = made["id"], made["version"]
    changed = {"owner": "田中 舞", "version": seen}
    assert desk.asks("PATCH", f"/v1/actions/{number}", json=changed).json()["version"] == seen + 1
    late = desk.asks("PATCH", f"/v1/actions/{number}", json={"owner": "佐藤 翔太", "version": seen})
    assert late.status_code == 409
    assert desk.get(f"/v1/actions/{number}")["action"]["owner"] == "田中 舞"


def test_what_many_say_at_once_is_all_kept(desk) -> None:
    number = add(desk)["id"]
    with ThreadPoolExecutor(8) as people:
        said = [f"{who}番目" for who in range(8)]
        answers = list(people.map(lambda words: say(desk, number, "reports", said=words).status_code, said))
    assert answers == [200] * 8
    shown = desk.get(f"/v1/actions/{number}")
    assert {step["text"] for step in shown["steps"]} == {"", *said}
    assert shown["action"]["version"] == 9


def turned(desk: Any, after: timedelta) -> int:
    """The criteria are looked at, by two processes at once; how many items they closed."""
    desk.clock.now = FRIDAY + after
    state = desk.state
    while funnel.catch_up(state.database):
        pass
    with ThreadPoolExecutor(2) as processes:
        turns = [
            processes.submit(criteria.turn, state.database, state.versions, state.settings, desk.clock.now)
            for _ in range(2)
        ]
    return sum(turn.result() for turn in turns)


def test_a_kpi_that_is_the_definition_of_done_is_checked_by_itself(desk) -> None:
    made = add(desk, due_on="2026-09-25", done_when="MQL創出数 2件以上")
    assert made["criterion"] == {"kpi": "mqls", "at_least": True, "target": 2.0}
    assert add(desk)["criterion"] is None
    desk.becomes_mql(1, after=timedelta(hours=1))
    assert turned(desk, 7 * DAY) == 0
    shown = desk.asks("GET", "/v1/meetings/next/agenda.md").text
    assert "MQL創出数 2件以上 (現在 1、未達)" in shown
    desk.becomes_mql(2, after=timedelta(hours=2))
    assert turned(desk, 6 * DAY) == 0  # its day has not come
    assert turned(desk, 7 * DAY) == 1
    file = desk.get(f"/v1/actions/{made['id']}")
    assert (file["action"]["state"], file["steps"][-1]["by"]) == ("done", "tasuki")
    assert file["steps"][-1]["text"] == "MQL創出数 2件以上: 2"
    assert turned(desk, 8 * DAY) == 0
    assert say(desk, made["id"], "reopen", reason="1件は対象外だった").status_code == 200
    assert turned(desk, 9 * DAY) == 0  # what people reopened only people close


def test_what_happened_before_it_was_agreed_on_does_not_fulfil_it(desk) -> None:
    desk.becomes_mql(1, after=-3 * DAY)
    desk.becomes_mql(2, after=-2 * DAY)
    made = add(desk, due_on="2026-09-25", done_when="mqls >= 2")
    assert turned(desk, 7 * DAY) == 0
    assert desk.get(f"/v1/actions/{made['id']}")["action"]["state"] == "open"
