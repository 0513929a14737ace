"""What the invented company says in its meetings, every two weeks: as data, so that meetings.py only has to say it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.domain.series import Attendee
from app.domain.template import Block, Duty, Role

MARKETING, SALES, INSIDE, REVOPS = "伊藤 健一", "森 由美", "田中 舞", "木村 拓也"
ATTENDEES = (
    Attendee(name=MARKETING, email="ito@mirai.example", role=Role.MARKETING_LEAD, duty=Duty.FACILITATOR),
    Attendee(name=SALES, email="mori@mirai.example", role=Role.SALES_LEAD, delegate="takahashi@mirai.example"),
    Attendee(name=INSIDE, email="tanaka@mirai.example", role=Role.INSIDE_SALES),
    Attendee(name=REVOPS, email="kimura@mirai.example", role=Role.REVOPS, duty=Duty.NOTE_TAKER),
)


@dataclass(frozen=True, slots=True)
class Task:
    """An action item that a meeting makes, due with the meeting that is so many meetings later."""

    owner: str
    text: str
    done_when: str
    after: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """How an earlier item stands, told to the next meeting."""

    task: Task
    #: done, carry, drop
    how: str
    said: str


@dataclass(frozen=True, slots=True)
class Change:
    """Of the SLA: from the Monday after the meeting on, reviewed so many meetings later."""

    fields: Mapping[str, Any]
    review_after: int


@dataclass(frozen=True, slots=True)
class Talk:
    """One meeting: what is said of each item, what is decided, who has what to do."""

    notes: Mapping[Block, str]
    decisions: tuple[tuple[Block, str], ...] = ()
    tasks: tuple[Task, ...] = ()
    answers: tuple[Answer, ...] = ()
    parked: str = ""
    #: What the review of the SLA ended in.
    sla: str = "keep"
    change: Change | None = None
    ratings: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()
    #: Minutes longer than planned.
    overrun: int = 0


NOBODY = Task(SALES, "担当者のいないMQLの割当ルールを決める", "担当者なしの引き渡しが1週間0件")
TEMPLATE = Task(INSIDE, "初回架電のトークスクリプトを用意する", "営業全員が共有フォルダで確認した")
PRICE = Task(MARKETING, "料金表2026年版を公開する", "サイトに公開し、旧版のリンクをすべて差し替えた")
FAIR = Task(MARKETING, "展示会リードの取込前に営業と配分表を作る", "配分表を営業責任者が承認した")
REASONS = Task(REVOPS, "SFAの差戻し理由を5つの選択肢にそろえる", "自由記入の差戻しが2週間0件")
LOGGING = Task(SALES, "架電の記録を当日中に済ませることを営業会議で徹底する", "記録遅れの中央値が2時間以内")
WEBINAR = Task(MARKETING, "脱エクセルのウェビナーをもう一度開催する", "参加者30名以上", after=2)
CASE = Task(MARKETING, "物流業の導入事例を1本追加する", "営業が商談で使える形で公開した", after=2)
MATERIAL = Task(REVOPS, "引き渡し時の必須項目に従業員数を加える", "充足スコアの平均が80%以上")

TALKS = (
    Talk(
        notes={
            Block.ACTIONS: "初回のため前回のアクションはなし。",
            Block.KPI_REVIEW: "MQLは週10件前後。商談化率はまだ観測中で判断しない。",
            Block.SLA_BREACHES: "担当者のいないMQLが期限を過ぎている。キューに入ったまま誰も見ていない。",
            Block.CONVERSION: "つながった先の課題は原価管理が多い。ナーチャリングの題材に使う。",
            Block.CONTENT_CHANNELS: "料金表を読んだリードは話が早い、と営業。",
            Block.DATA_QUALITY: "SFA側の重複が目立つ。",
        },
        decisions=((Block.SLA_BREACHES, "キューに入ったMQLは毎朝9時に営業責任者が割り当てる"),),
        tasks=(NOBODY, TEMPLATE, PRICE),
        ratings={MARKETING: (3, "数字の説明に時間を使いすぎた"), INSIDE: (4, "")},
        overrun=12,
    ),
    Talk(
        notes={
            Block.KPI_REVIEW: "新規リードは横ばい。ホワイトペーパー経由が伸びている。",
            Block.SLA_BREACHES: "担当者なしは減ったが0ではない。休業日をまたぐ金曜夕方のMQLが24時間では守れない。",
            Block.CONVERSION: "不在が続くと3回目の架電をしていない。",
            Block.CONTENT_CHANNELS: "展示会が来週。取込は当日夜の予定。",
            Block.BUDGET: "展示会の予算は計画どおり。",
            Block.DATA_QUALITY: "架電の記録が翌日になっている件がある。",
        },
        decisions=((Block.CONVERSION, "不在が2回続いたら3回目は時間帯を変えてかける"),),
        tasks=(FAIR, LOGGING),
        answers=(
            Answer(NOBODY, "carry", "休暇の代行が決まらず、割当表が途中"),
            Answer(TEMPLATE, "done", "全員に共有済み。架電3件目から使っている"),
            Answer(PRICE, "carry", "法務の確認待ち"),
        ),
        parked="金曜夕方のMQLの期限をどうするか",
        ratings={MARKETING: (4, ""), SALES: (3, "違反は原因だけに絞りたい"), INSIDE: (4, "")},
        overrun=4,
    ),
    Talk(
        notes={
            Block.KPI_REVIEW: "展示会の42件で引き渡しが急に増えた。",
            Block.SLA_BREACHES: "展示会の分は1日では回らない。一件ずつの遅れではなく、取込の日の問題。",
            Block.CONVERSION: "展示会の名刺は温度差が大きい。",
            Block.CONTENT_CHANNELS: "導入事例の製造業が一番読まれている。",
            Block.BUDGET: "来期の展示会は小規模2回に分ける案。",
            Block.DATA_QUALITY: "スコアの一括更新は事前に連絡する。",
        },
        decisions=((Block.CONTENT_CHANNELS, "製造業の導入事例をメールの2通目に入れる"),),
        tasks=(REASONS,),
        answers=(
            Answer(NOBODY, "carry", "展示会の対応を優先した。代行は高橋に決定"),
            Answer(PRICE, "done", "公開し、旧版のリンクを差し替えた"),
            Answer(FAIR, "done", "配分表どおりに取り込んだ"),
            Answer(LOGGING, "carry", "営業会議が展示会で流れた"),
        ),
        sla="change",
        change=Change({"name": "MQL 1営業日", "clock": "business_days", "target": 1}, review_after=2),
        ratings={MARKETING: (4, ""), SALES: (4, ""), INSIDE: (5, ""), REVOPS: (4, "事前共有の要点が役立った")},
    ),
    Talk(
        notes={
            Block.KPI_REVIEW: "商談化率の最初の月が満了。件数が少ないので断定しない。",
            Block.SLA_BREACHES: "1営業日になってから、違反は説明できるものだけになった。",
            Block.CONVERSION: "差戻しは予算時期が多い。理由の選択肢をそろえる。",
            Block.CONTENT_CHANNELS: "ウェビナー参加者は商談になりやすい。",
            Block.BUDGET: "検索広告の予算を2割ウェビナーへ。",
            Block.DATA_QUALITY: "名寄せ待ちは5件まで減った。",
            Block.RETROSPECTIVE: "KPIの読み上げをやめ、事前に読んでくる。違反は原因の単位で扱う。",
        },
        decisions=((Block.BUDGET, "検索広告の予算の2割をウェビナーに移す"),),
        tasks=(WEBINAR, CASE),
        answers=(
            Answer(NOBODY, "done", "割当ルールと代行を設定。2週間、担当者なしは0件"),
            Answer(LOGGING, "done", "営業会議で徹底。中央値は1時間を切った"),
            Answer(REASONS, "carry", "SFAの管理者が不在"),
        ),
        ratings={MARKETING: (4, ""), SALES: (5, "事前に読んでくる形がよい"), INSIDE: (4, "")},
    ),
    Talk(
        notes={
            Block.KPI_REVIEW: "MQLからSQLへの転換は前の月並み。区間が重なるので差は判断しない。",
            Block.SLA_BREACHES: "残りは架電の後に記録が遅れた件で、取り消されている。",
            Block.CONVERSION: "従業員数が分からないまま架電している件が多い。",
            Block.CONTENT_CHANNELS: "物流業の事例は取材先の都合がつかない。",
            Block.BUDGET: "変化なし。",
            Block.DATA_QUALITY: "未分類のチャネルは2つ。",
        },
        decisions=((Block.SLA_REVIEW, "1営業日のまま続ける。達成率が上がり、休業日の争いがなくなった"),),
        tasks=(MATERIAL,),
        answers=(
            Answer(REASONS, "done", "選択肢に変更済み"),
            Answer(CASE, "drop", "取材先が辞退。別の業種で企画し直す"),
        ),
        absent=(SALES,),
        ratings={MARKETING: (5, ""), INSIDE: (4, "")},
    ),
    Talk(
        notes={
            Block.KPI_REVIEW: "達成率は変更後に上がったまま。",
            Block.SLA_BREACHES: "担当者なしは出ていない。",
            Block.CONVERSION: "料金表とウェビナーの両方に触れたリードを先にかける。",
            Block.CONTENT_CHANNELS: "ウェビナーの再開催は参加34名。",
            Block.BUDGET: "来期の配分は次回に決める。",
            Block.DATA_QUALITY: "引き渡しの充足スコアを毎回見る。",
        },
        decisions=((Block.CONVERSION, "料金表とウェビナーの両方に触れたMQLは当日中にかける"),),
        tasks=(Task(SALES, "来期の予算配分の案を作る", "営業とマーケの両責任者が合意した"),),
        answers=(
            Answer(WEBINAR, "done", "参加34名、アンケート回収21件"),
            Answer(MATERIAL, "carry", "フォームの改修が来週"),
        ),
        parked="来期の展示会を2回に分けるか",
        ratings={MARKETING: (5, ""), SALES: (4, ""), INSIDE: (5, ""), REVOPS: (5, "")},
    ),
)
