"""`tasuki import`, `tasuki channel` and `tasuki content` as a person uses them."""

from __future__ import annotations

VISITS = '日付,チャネル,セッション,CV\n2026/09/17,検索,"1,200",30\n2026/09/16,utm-7,５,0\n'
SPEND = '月,チャネル,予算,実績\n2026/09,展示会,"￥3,000,000",2840000円\n'


def test_visits_are_tried_and_imported(tasuki) -> None:
    file = tasuki.folder / "visits.csv"
    file.write_bytes(VISITS.encode("cp932"))
    tried = tasuki("import", "visits", str(file), "--dry-run").stdout
    assert "The file is right: 2 rows, 2026-09-16 to 2026-09-17. Nothing has been stored." in tried
    assert "Not known as channels: utm-7." in tried
    assert tasuki.json("channel", "list")["unmapped"] == []
    assert "Stored: 2 rows" in tasuki("import", "visits", str(file)).stdout
    assert [(one["raw"], one["visits"]) for one in tasuki.json("channel", "list")["unmapped"]] == [("utm-7", 1)]


def test_spend_is_imported_from_stdin(tasuki) -> None:
    assert "2026-09 to 2026-09" in tasuki("import", "spend", "-", stdin=SPEND).stdout
    assert tasuki.json("import", "spend", "-", "--dry-run", stdin=SPEND) == {
        "rows": 1,
        "first": "2026-09-01",
        "last": "2026-09-01",
        "stored": False,
        "unknown_channels": [],
    }


def test_every_wrong_row_is_told_in_the_reader_s_tongue(tasuki) -> None:
    file = tasuki.folder / "visits.csv"
    file.write_text(VISITS + "2026/13/05,検索,x,1\n", encoding="utf-8-sig")
    told = tasuki("--lang", "ja", "import", "visits", str(file), exits=3).stderr.splitlines()
    assert [line.removeprefix(f"{file}: ") for line in told] == [
        "4行目『日付』: 2026/13/05 は日付として読めません。例: 2026/10/05",
        "4行目『セッション』: x は整数として読めません。例: 1200",
    ]
    english = tasuki("import", "visits", str(file), exits=3).stderr
    assert "Row 4, “日付”: 2026/13/05 cannot be read as a date" in english


def test_a_file_that_is_not_there(tasuki) -> None:
    assert "There is no such file." in tasuki("import", "spend", "none.csv", exits=3).stderr


def test_channels_are_decided_and_taken_back(tasuki) -> None:
    tasuki("import", "visits", "-", stdin=VISITS.replace("utm-7", "google / cpc"))
    assert "ads (Ads)" in tasuki("channel", "list").stdout
    assert "google / cpc means the channel Ads: 0 leads." in tasuki("channel", "set", "Google / CPC", "ads").stdout
    shown = tasuki("channel", "list").stdout
    assert "google / cpc" in shown
    assert "Word without a channel" not in shown
    tasuki("channel", "remove", "google / cpc")
    assert "Nobody has decided" in tasuki("channel", "remove", "google / cpc", exits=3).stderr
    assert tasuki("channel", "set", "a\nb", "ads", exits=3).stderr.strip() == "Must be one line of visible text."


def test_content_is_registered_changed_listed_and_removed(tasuki) -> None:
    tasuki("content", "set", "wp-07", "--title", "導入事例集", "--reviewed", "2020-02-10")
    tasuki("content", "set", "wp-07", "--owner", "佐藤", "--stage", "decision")
    (shown,) = tasuki.json("content", "list", "--stale")
    assert shown == {
        "asset": "wp-07",
        "content": {
            "title": "導入事例集",
            "topic": None,
            "stage": "decision",
            "owner": "佐藤",
            "last_reviewed": "2020-02-10",
        },
        "activities_90_days": 0,
    }
    assert "Decision stage" in tasuki("content", "list").stdout
    assert tasuki("content", "set", "wp-07", "--reviewed", "2099-01-01", exits=3).stderr.startswith("/last_reviewed: ")
    assert "--owner" in tasuki("content", "set", "wp-07", exits=2).stderr
    tasuki("content", "remove", "wp-07")
    assert "No content has the id wp-07." in tasuki("content", "remove", "wp-07", exits=3).stderr
