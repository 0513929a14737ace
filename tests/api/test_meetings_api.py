"""The life of a meeting over REST: drafted, frozen and sent, held by two people at once, closed, read months later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from app.domain.checklist import CHECKLIST
from app.domain.language import text
from app.models import Handoff, SlaProposal
from tests.api.board import DAY, PEOPLE, START, H, frozen

#: The article's sixteen points, in its words.
SIXTEEN = [
    "会議時間を60-90分に設定し、議題を構造化する",
    "事前に議題テンプレートを共有し、参加者が準備できるようにする",
    "MA/SFAからリード獲得施策のKPIデータを抽出する",
    "MQL/SQL転換状況を可視化したダッシュボードを準備する",
    "前回会議のアクションアイテムの進捗を確認する",
    "リード獲得施策のKPIレビュー(新規リード数、MQL創出数、Webサイト訪問・CVR)を実施する",
    "MQL→SQL転換率と商談化課題を議論する",
    "営業部門への詳細な顧客情報提供状況を確認する(受注率向上の取り組みとして重要)",
    "発信コンテンツの見直し状況を共有する(受注率向上の取り組みとして重要)",
    "受注率の高いチャネル強化の進捗を確認する",
    "予算配分の議論(広告予算、施策への再配分)を行う",
    "MA/SFAツールの活用状況と課題を共有する",
    "SLA(リード引き渡し基準)の見直しを実施する",
    "次回会議までのアクションアイテムを明確化する(担当者・期限・完了基準)",
    "会議後、議事録とアクションアイテムを参加者全員に共有する",
    "定期的に会議運営自体を振り返り、改善点を洗い出す",
]


def test_drafted_asked_frozen_and_sent_ahead(board) -> None:
    owed = {"owner": "田中 舞", "due_on": "2026-09-18", "text": "一覧を直す", "done_when": "公開済み"}
    assert board.office.asks("POST", "/v1/actions", json=owed).status_code == 201
    assert board.asks("GET").status_code == 404
    board.at(datetime(2026, 9, 17, 2, tzinfo=UTC))  # the meeting before is over: this one is the next
    shown = board.file()
    share_by = datetime.fromisoformat(shown["share_by"])
    assert (shown["stage"], shown["frozen_at"]) == ("coming", None)
    assert [(who, said.title) for who, said in board.mail.got] == [
        ("tanaka@example.jp", "アクションの進捗をお知らせください(1件)")
    ]
    board.at(share_by - timedelta(minutes=1))
    assert board.file()["frozen_at"] is None
    board.at(share_by)
    assert board.file()["frozen_at"] is not None
    sent = [who for who, said in board.mail.got if said.title.startswith("議題: ")]
    assert sent == [person["email"] for person in PEOPLE]
    board.at(share_by + H)
    assert len(board.mail.got) == 4
    marks = board.marks()
    assert [marks[number] for number in (1, 2, 3, 4, 5, 6, 15)] == [
        "done",
        "done",
        "done",
        "done",
        "open",
        "open",
        "open",
    ]


def test_an_agenda_that_is_late_says_so(board) -> None:
    board.at(START - H)
    assert board.marks()[2] == "late"


def test_what_changes_after_the_freeze_is_listed_apart(board) -> None:
    board.office.becomes_mql(1)
    frozen(board)
    before = board.office.get("/v1/meetings/next/agenda.json")
    assert (before["frozen_at"] is not None, before["changes"]) == (True, [])
    board.office.hours_pass(40)
    board.says("topic", "展示会の名刺の扱い")
    after = board.office.get("/v1/meetings/next/agenda.json")
    assert after["changes"] == ["新しい違反 1件(山田製作所 佐藤 翔太 様)", "追加の議題: 展示会の名刺の扱い"]
    assert {**after, "changes": []} == before
    shown = board.office.asks("GET", "/v1/meetings/next/agenda.md").text
    assert "## 凍結後の変化\n\n- 新しい違反 1件" in shown


def test_a_meeting_from_beginning_to_minutes(board) -> None:
    frozen(board)
    board.at(START)
    assert board.does("/start")["stage"] == "running"
    assert board.asks("POST", "/start").status_code == 422
    board.at(START + timedelta(minutes=4))
    note = board.says("note", "前回の2件は完了")
    assert note["item"] == 1
    said = {2: "MQLは前月並み", 4: "製造業の商談化が低い", 5: "料金表を更新", 6: "名寄せ待ち2件", 8: "時間が足りない"}
    for item, words in said.items():
        board.at(START + timedelta(minutes=5 * item))
        board.says("visited", item=item)
        board.says("note", words)
    board.at(START + timedelta(minutes=45))
    board.says("visited", item=7)
    kept = board.says("decision", "SLAは現状維持", sla="keep")
    task = board.says("task", "料金表を配る")
    assert board.file()["items"][6]["current"]
    refused = board.asks("POST", "/close", json={"note": ""})
    assert [e["pointer"] for e in refused.json()["errors"]] == [f"/tasks/{task['id']}"]
    promise = {"owner": "伊藤 健", "due": "2週間以内", "text": "料金表を配る", "done_when": "全員が受け取った"}
    action = board.office.asks("POST", "/v1/actions", json=promise | {"meeting": 4, "task": task["id"]}).json()
    board.says("rated", "KPIの説明を短く", rating=4)
    board.at(START + timedelta(minutes=70))
    closed = board.does("/close", note="")
    assert (closed["stage"], closed["overrun_seconds"], closed["actions"]) == ("closed", 600, [action["id"]])
    assert closed["items"][1]["spent_seconds"] == 600
    assert board.marks()[15] == "open"
    board.at(START + timedelta(minutes=71))
    minutes = board.office.asks("GET", "/v1/meetings/4/minutes.md").text
    for words in (
        "# 連携会議 \\#4",
        "予定より10分超過",
        "評価 4.0/5(1名)",
        "決定: SLAは現状維持 SLAは現状維持",
        "MQLは前月並み",
        f"| \\#{action['id']} | 伊藤 健 | 料金表を配る | 全員が受け取った | 10/8(木) |",
    ):
        assert words in minutes, words
    log = board.office.get("/v1/meetings/4/letters")["items"]
    assert {(each["recipient"], each["state"]) for each in log if each["reason"] == "minutes"} == {
        (person["email"], "sent") for person in PEOPLE
    }
    marks = board.marks()
    assert {number for number, mark in marks.items() if mark == "done"} == set(range(1, 17)) - {8, 11}
    assert board.asks("POST", "/entries", json={"kind": "note", "text": "後から"}).status_code == 422
    board.says("ticked", "予算は四半期ごとに別会議で扱う", point=11)
    assert board.marks()[11] == "overridden"
    assert kept["data"] == {"sla": "keep"}


def test_the_sixteen_points_are_the_articles(board) -> None:
    frozen(board)
    assert [point["title"] for point in board.office.get("/v1/meetings/4/checklist")["items"]] == SIXTEEN
    assert [text("ja", title) for _, title, _ in CHECKLIST] == SIXTEEN


def test_two_people_write_at_once_and_nothing_is_lost(board) -> None:
    frozen(board)
    board.at(START)
    board.does("/start")
    said = [f"{who}の{number}件目" for number in range(10) for who in ("伊藤", "田中")]
    with ThreadPoolExecutor(8) as people:
        list(people.map(lambda words: board.says("note", words), said))
    found = [entry for entry in board.file()["entries"] if entry["kind"] == "note"]
    assert sorted(entry["text"] for entry in found) == sorted(said)
    first = found[0]
    board.says("corrected", "書き直し", entry=first["id"])
    board.says("retracted", entry=found[1]["id"])
    after = [entry["text"] for entry in board.file()["entries"] if entry["kind"] == "note"]
    assert (after[0], len(after)) == ("書き直し", 19)


def test_closing_with_a_note_is_logged(board) -> None:
    frozen(board)
    board.at(START)
    board.does("/start")
    board.says("task", "誰かがやる")
    board.does("/close", note="担当は明日決める")
    assert "未完了の項目を残して終了: 担当は明日決める" in board.office.asks("GET", "/v1/meetings/4/minutes.md").text
    audited = [e for e in board.office.get("/v1/audit")["items"] if e["action"] == "meeting.closed"]
    assert audited[0]["after"] == {"override": "担当は明日決める"}


def test_due_actions_need_an_answer_before_closing(board) -> None:
    owed = {"owner": "田中 舞", "due_on": "2026-09-18", "text": "一覧を直す", "done_when": "公開済み"}
    number = board.office.asks("POST", "/v1/actions", json=owed).json()["id"]
    frozen(board)
    board.at(START)
    board.does("/start")
    refused = board.asks("POST", "/close", json={}).json()["errors"]
    assert [error["pointer"] for error in refused] == ["/actions"]
    carried = {"due_on": "2026-10-01", "reason": "展示会対応のため"}
    assert board.office.asks("POST", f"/v1/actions/{number}/carry", json=carried).status_code == 200
    assert board.marks()[5] == "done"
    board.does("/close")


def test_months_later_the_paper_is_the_same_and_corrections_stand_beside_it(board) -> None:
    board.office.becomes_mql(1)
    frozen(board)
    forms = ("json", "md", "html", "csv", "xlsx")
    before = {form: board.asks("GET", f"/agenda.{form}").content for form in forms}
    assert board.office.get("/v1/meetings/4/restatements")["items"] == []
    board.at(START + 180 * DAY)
    with board.office.state.database.write() as c:
        c.execute(update(Handoff).values(owner="somebody else"))
    board.office.becomes_mql(2, after=-48 * H)  # a fact from before the freeze that came later
    from app.flows import funnel

    while funnel.catch_up(board.office.state.database):
        pass
    assert {form: board.asks("GET", f"/agenda.{form}").content for form in forms} == before
    restated = {each["key"]: each for each in board.office.get("/v1/meetings/4/restatements")["items"]}
    assert restated["mqls"]["now"] != restated["mqls"]["then"]


def test_a_decision_about_the_sla_is_proposed_adopted_and_reviewed(board) -> None:
    frozen(board)
    board.at(START)
    board.does("/start")
    change = {"policy": "mql", "changes": {"target": 48}, "effective_on": "2026-10-01", "review_on": "2026-10-29"}
    for field, wrong in (
        ("effective_on", {"effective_on": "2026-09-01"}),
        ("review_on", {"review_on": "2026-10-01"}),
        ("policy", {"policy": "none"}),
        ("changes/target", {"changes": {"target": -1}}),
        ("changes", {"changes": {"target": 24}}),
    ):
        body = {"kind": "decision", "text": "48時間にする", "sla_change": change | wrong}
        answer = board.asks("POST", "/entries", json=body)
        assert [e["pointer"] for e in answer.json()["errors"]] == [f"/sla_change/{field}"]
    board.says("decision", "48時間にして様子を見る", sla="pilot", sla_change=change)
    (proposed,) = board.office.get("/v1/sla-proposals")["items"]
    assert (proposed["state"], proposed["meeting"], proposed["document"]["target"]) == ("proposed", 4, 48)
    live = board.office.get("/v1/meetings/next/agenda.json")
    adopted = board.office.asks("POST", f"/v1/sla-proposals/{proposed['id']}/adopt").json()
    assert (adopted["state"], adopted["version"]) == ("adopted", 2)
    again = board.office.asks("POST", f"/v1/sla-proposals/{proposed['id']}/withdraw")
    assert again.status_code == 422
    versions = board.office.get("/v1/policies/mql")["items"]
    assert {v["version"]: v["note"] for v in versions}[2] == f"default #4 ({proposed['id']})"
    board.does("/close", note="テスト")
    board.at(datetime(2026, 10, 28, 3, tzinfo=UTC))
    review = board.office.get("/v1/meetings/next/agenda.json")
    (item,) = [item for item in review["items"] if item["block"] == "sla_review"]
    assert "変更の効果: 前後のSLA達成率" in [table["title"] for table in item["tables"]]
    (old,) = [item for item in live["items"] if item["block"] == "sla_review"]
    assert "変更の効果: 前後のSLA達成率" not in [table["title"] for table in old["tables"]]


def proposed_twice(board) -> list[int]:
    frozen(board)
    board.at(START)
    board.does("/start")
    for target in (48, 36):
        change = {
            "policy": "mql",
            "changes": {"target": target},
            "effective_on": "2026-10-01",
            "review_on": "2026-10-29",
        }
        board.says("decision", f"{target}時間にする", sla="change", sla_change=change)
    board.office.clock.now += timedelta(minutes=5)
    return [each["id"] for each in board.office.get("/v1/sla-proposals")["items"]][::-1]


def test_a_proposal_is_adopted_only_on_the_version_that_it_changes(board) -> None:
    """Its other fields are what the meeting saw; adopting it later would undo what was changed in between."""
    first, second = proposed_twice(board)
    assert board.office.asks("POST", f"/v1/sla-proposals/{first}/adopt").json()["version"] == 2
    overtaken = board.office.asks("POST", f"/v1/sla-proposals/{second}/adopt")
    assert (overtaken.status_code, overtaken.json()["errors"][0]["code"]) == (422, "overtaken")
    assert [v["version"] for v in board.office.get("/v1/policies/mql")["items"]] == [1, 2]
    assert board.office.asks("POST", f"/v1/sla-proposals/{second}/withdraw").status_code == 200


def test_adopting_goes_on_where_a_process_died(board) -> None:
    """The version was there already, only not that it came of this proposal."""
    first, _ = proposed_twice(board)
    assert board.office.asks("POST", f"/v1/sla-proposals/{first}/adopt").json()["version"] == 2
    with board.office.state.database.write() as c:
        c.execute(update(SlaProposal).where(SlaProposal.id == first).values(state="proposed", version=None))
    assert board.office.asks("POST", f"/v1/sla-proposals/{first}/adopt").json()["version"] == 2
    assert len(board.office.get("/v1/policies/mql")["items"]) == 2


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"kind": "note", "text": " "}, "/text"),
        ({"kind": "visited"}, "/item"),
        ({"kind": "visited", "item": 10}, "/item"),
        ({"kind": "rated"}, "/rating"),
        ({"kind": "ticked", "text": "x"}, "/point"),
        ({"kind": "corrected", "text": "x", "entry": 4711}, "/entry"),
        ({"kind": "attendance", "email": "nobody@example.jp", "presence": "absent"}, "/email"),
        ({"kind": "attendance", "email": "ito@example.jp"}, "/presence"),
        ({"kind": "closed"}, "/kind"),
        ({"kind": "decision", "text": "変える", "sla": "change"}, "/sla_change"),
        ({"kind": "note", "text": "a\x00"}, "/text"),
    ],
)
def test_nonsense_is_refused_with_its_field(board, body, place) -> None:
    frozen(board)
    board.at(START)
    board.does("/start")
    answer = board.asks("POST", "/entries", json=body)
    assert (answer.status_code, [e["pointer"] for e in answer.json()["errors"]]) == (422, [place])


def test_who_is_absent_is_hinted_at_and_the_delegate_reads(board) -> None:
    board.at(datetime(2026, 9, 17, 2, tzinfo=UTC))
    board.says("attendance", email="takahashi@example.jp", presence="absent")
    assert board.file()["hints"] == ["営業責任者が欠席のため、SLA変更は保留を推奨します。"]
    board.at(datetime.fromisoformat(board.file()["share_by"]))
    assert "mori@example.jp" in [who for who, _ in board.mail.got]


def test_only_the_next_meeting_can_be_prepared(board) -> None:
    board.number = 9
    assert board.asks("POST", "/start").status_code == 404
    assert board.asks("POST", "/entries", json={"kind": "topic", "text": "x"}).status_code == 404
    board.number = 4
    assert board.asks("GET", "/minutes.md").status_code == 404


def test_every_fourth_meeting_looks_back(board) -> None:
    live = board.office.get("/v1/meetings/next/agenda.json")
    assert live["meeting"]["number"] == 4
    assert "retrospective" in [item["block"] for item in live["items"]]
    assert sum(item["minutes"] for item in live["items"]) == 60


def test_what_came_up_after_the_freeze_belongs_into_the_next_meeting(board) -> None:
    board.office.becomes_mql(1)
    frozen(board)
    was_frozen = board.file()["frozen_at"]
    board.office.hours_pass(60)
    board.office.called(59)
    assert board.office.get("/v1/meetings/next/agenda.json")["breaches"]["count"] == 0
    assert board.office.get("/v1/meetings/next/agenda.json", live=True)["breaches"]["count"] == 1
    board.at(START + 2 * H)
    after = board.office.get("/v1/meetings/next/agenda.json", live=True)
    assert (after["meeting"]["number"], after["since"]) == (5, was_frozen)
    (group,) = after["breaches"]["groups"]
    assert [entry["state"] for entry in group["entries"]] == ["followed_up_late"]


def test_a_paper_that_says_the_same_is_not_sent_again(board) -> None:
    first = board.office.asks("GET", "/v1/meetings/next/agenda.json")
    tag = {"If-None-Match": first.headers["etag"]}
    board.office.clock.now += timedelta(minutes=5)
    assert board.office.asks("GET", "/v1/meetings/next/agenda.json", headers=tag).status_code == 304
    assert board.office.asks("GET", "/v1/meetings/next/agenda.md", headers=tag).status_code == 200
    board.office.becomes_mql(1)
    assert board.office.asks("GET", "/v1/meetings/next/agenda.json", headers=tag).status_code == 200
