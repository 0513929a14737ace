"""CSV files as people export them: what is read, and how each wrong cell is told."""

from __future__ import annotations

from datetime import date

import pytest

from app.domain import spend, website
from app.domain.refusals import Refused
from app.domain.sheet import MOST_ROWS, MOST_TOLD

TODAY = date(2026, 9, 18)
LONG = "9" * 40
HEADING = "日付,ページ,セッション,CV\n"
WHOLE = (
    "日付,ページ,キャンペーン,チャネル,セッション,ユーザー,CV\r\n"
    '2026/09/17,/products,秋の展示会,検索,"1,420",１２００,31\r\n'
    "\r\n"
    "20260916,,,,５６０,,3\r\n"
)


def found(content: bytes | str) -> list[tuple[str, str]]:
    """Place and Japanese sentence of everything that is refused."""
    with pytest.raises(Refused) as why:
        website.read_sheet(content.encode() if isinstance(content, str) else content, TODAY)
    return [(refusal.place, refusal.message_ja) for refusal in why.value.refusals]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("newline", ["\r\n", "\n"])
def test_read_in_every_encoding(encoding: str, newline: str) -> None:
    days = website.read_sheet(WHOLE.replace("\r\n", newline).encode(encoding), TODAY)
    (products,), (bare,) = days[date(2026, 9, 17)], days[date(2026, 9, 16)]
    assert (products.key, products.sessions, products.users, products.conversions) == (
        ("/products", "秋の展示会", "検索"),
        1420,
        1200,
        31,
    )
    assert (bare.key, bare.sessions, bare.users, bare.conversions) == (("", "", ""), 560, None, 3)


@pytest.mark.parametrize(
    "heading",
    [
        "day,sessions,conversions",
        "Day,SESSIONS,Conversions",
        "日付,セッション数,コンバージョン",
        "ｄａｙ,ｾｯｼｮﾝ,ＣＶ",
        " 日付 ,セッション,CV,,",
    ],
)
def test_headings_in_either_tongue_and_any_width(heading: str) -> None:
    (rows,) = website.read_sheet(f"{heading}\n2026-09-17,5,1\n".encode(), TODAY).values()
    assert (rows[0].sessions, rows[0].conversions) == (5, 1)


@pytest.mark.parametrize(
    ("row", "place", "sentence"),
    [
        ("2026/13/05,/a,1,1", "/2/日付", "2行目『日付』: 2026/13/05 は日付として読めません。例: 2026/10/05"),
        (",/a,1,1", "/2/日付", "2行目『日付』: 空にはできません。"),
        ("2026/09/19,/a,1,1", "/2/日付", "2行目『日付』: 未来の日付は指定できません。"),
        ("1999/12/31,/a,1,1", "/2/日付", "2行目『日付』: 2000年から2099年までの日時を指定してください。"),
        ("2026/09/17,/a,-3,1", "/2/セッション", "2行目『セッション』: 0以上にしてください。"),
        ("2026/09/17,/a,1.5,1", "/2/セッション", "2行目『セッション』: 1.5 は整数として読めません。例: 1200"),
        ("2026/09/17,/a,NaN,1", "/2/セッション", "2行目『セッション』: NaN は整数として読めません。例: 1200"),
        ("2026/09/17,/a,\"1,42\",1", "/2/セッション", "2行目『セッション』: 1,42 は整数として読めません。例: 1200"),
        ("2026/09/17,/a,1000000001,1", "/2/セッション", "2行目『セッション』: 1000000000以下にしてください。"),
        (f"2026/09/17,/a,{LONG}9,1", "/2/セッション", f"2行目『セッション』: {LONG}… は整数として読めません。例: 1200"),
        ("2026/09/17,/a,1", "/2/CV", "2行目『CV』: 空にはできません。"),
        (f"2026/09/17,{'a' * 401},1,1", "/2/ページ", "2行目『ページ』: 400文字以内にしてください。"),
        ("2026/09/17,a\x00b,1,1", "/2/ページ", "2行目『ページ』: 改行や制御文字を含まない1行で入力してください。"),
        (
            "2026/09/17,/a,1,420,3",
            "/2",
            '2行目: 見出しよりも列が多くなっています。桁区切りのある数値は引用符("")で囲んでください。',
        ),
    ],
)  # fmt: skip
def test_every_wrong_cell_is_told_with_row_and_column(row: str, place: str, sentence: str) -> None:
    assert found(HEADING + row) == [(place, sentence)]


def test_rows_count_as_in_the_spreadsheet_and_all_wrong_ones_are_told() -> None:
    rows = '2026/09/17,"two\nlines",1,1\n\n2026/09/17,/a,x,y\n2026/09/17,/b,1,1\n2026/09/17,/b,2,2\n'
    assert [place for place, _ in found(HEADING + rows)] == ["/2/ページ", "/4/セッション", "/4/CV", "/6"]


def test_the_same_row_twice_names_the_first_one() -> None:
    rows = "2026/09/17,/a,1,1\n2026/09/16,/a,1,1\n2026/09/17,/a,2,2\n"
    ((place, sentence),) = found(HEADING + rows)
    assert (place, sentence[:12]) == ("/4", "4行目: 2行目と同じ組")


@pytest.mark.parametrize(
    ("content", "places", "says"),
    [
        ("", [""], "データの行がありません"),
        ("日付,セッション,CV\n", [""], "データの行がありません"),
        ("日付,セッション\n2026/09/17,1\n", ["/1"], "CV (conversions) の列がありません"),
        ("日付,day,セッション,CV\n,,,\n2026/09/17,,1,1\n", ["/1"], "日付 (day) の列が重複しています"),
        ("日付,セッション,CV,来場者\n2026/09/17,1,1,1\n", ["/1"], "『来場者』という列は使えません。使える列: 日付"),
        ("日付,セッション,CV,キャンペン\n2026/09/17,1,1,1\n", ["/1"], "『キャンペーン』ではありませんか"),
        ("日付,セッション,CV\n2026/09/17,\"1\"2,1\n", [""], "CSVとして読めません"),
        (b"\xff\xfe" + "日付,セッション,CV".encode("utf-16-le"), [""], "UTF-8またはShift_JIS"),
        (b"\x81\xff,\xfd\n", [""], "UTF-8またはShift_JIS"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_such_table(content: bytes | str, places: list[str], says: str) -> None:
    told = found(content)
    assert [place for place, _ in told] == places
    assert says in told[0][1]


def test_too_many_rows_and_too_many_mistakes() -> None:
    rows = [f"2026/09/17,/{number},1,1" for number in range(MOST_ROWS)]
    assert len(website.read_sheet((HEADING + "\n".join(rows)).encode(), TODAY)[date(2026, 9, 17)]) == MOST_ROWS
    assert found(HEADING + "\n".join([*rows, "2026/09/17,/more,1,1"])) == [
        ("", "一度に取り込めるのは10,000行までです。")
    ]
    wrong = found(HEADING + "\n".join(f"2026/09/17,/{number},x,1" for number in range(150)))
    assert len(wrong) == MOST_TOLD + 1
    assert wrong[-1] == ("", "ほかに50か所の修正が必要です。")


# --- the budget

BUDGET = "月,チャネル,施策,予算,金額,通貨\n"


@pytest.mark.parametrize(
    ("row", "month", "planned", "spent", "currency"),
    [
        ('2026/09,展示会,秋,"3,000,000","2,840,000",JPY', date(2026, 9, 1), 3_000_000, 2_840_000, "JPY"),
        ('2026年9月,展示会,秋,"￥3,000,000",2840000円,円', date(2026, 9, 1), 3_000_000, 2_840_000, "JPY"),
        ('202608,広告,,"\\500,000",,', date(2026, 8, 1), 500_000, None, "JPY"),
        ("2026-08-01,広告,,,１２３,usd", date(2026, 8, 1), None, 123, "USD"),
        ("2027-04,広告,,500000,,", date(2027, 4, 1), 500_000, None, "JPY"),
    ],
)
def test_budgets_as_spreadsheets_write_them(row, month, planned, spent, currency) -> None:
    ((found_month, (line,)),) = spend.read_sheet((BUDGET + row).encode("cp932"), TODAY).items()
    assert (found_month, line.planned, line.spent, line.currency) == (month, planned, spent, currency)


@pytest.mark.parametrize(
    ("row", "place", "says"),
    [
        ("2026/09/02,展示会,,1,,", "/2/月", "2026/09/02 は月として読めません"),
        ("1999/09,展示会,,1,,", "/2/月", "2000年から"),
        ("2026/09,,,1,,", "/2/チャネル", "空にはできません"),
        ("2026/09,展示会,,,,", "/2", "予算と実績のどちらか"),
        ("2026/10,展示会,,1,1,", "/2/金額", "未来の月に実績は入力できません"),
        ("2026/09,展示会,,1.5,,", "/2/予算", "整数として読めません"),
        ("2026/09,展示会,,1,,YEN", "/2/通貨", "通貨は JPY のような"),
        ("2026/09,展示会,,99999999999999,,", "/2/予算", "以下にしてください"),
    ],
)
def test_budgets_that_cannot_be(row: str, place: str, says: str) -> None:
    with pytest.raises(Refused) as why:
        spend.read_sheet((BUDGET + row).encode(), TODAY)
    (refusal,) = why.value.refusals
    assert refusal.place == place
    assert says in refusal.message_ja
