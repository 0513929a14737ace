"""Twelve weeks of 株式会社みらい生産管理, a company that does not exist: what its tools will send, and when.

The same seed gives the same weeks, laid so that they end now.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from app.demo import senders
from app.domain.calendar import Calendar, ClockKind, is_open, japanese_office, next_opening, with_public_holidays
from app.domain.deadline import before_deadline

TOKYO = ZoneInfo("Asia/Tokyo")
WEEKS = 12
FAIR_WEEK, CLOSED_WEEK = 4, 8
#: From this week on sales keeps to what the third meeting agreed on: who is assigned what, and one business day.
AGREED_WEEK = 6
COMPANIES = tuple(
    "山田製作所 北斗電機 ミナト物流 青葉化学 丸山精工 東和食品 三浦金属 富士見システム 北陸機械 みどり建設"
    " 日の出印刷 中央樹脂 若葉メディカル 大洋冷機 光陽電装 西口倉庫 白鷺紙業 桜木製菓 千歳工業 浜風運輸".split()
)
SURNAMES = tuple(
    "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 松本 井上 木村 林 清水 森 池田".split()
)
GIVEN = tuple("翔太 美咲 健一 陽子 大輔 彩 直樹 由美 拓也 千尋".split())
CONTENT = (
    ("pricing", "料金表"),
    ("case-factory", "導入事例 製造業"),
    ("case-logistics", "導入事例 物流業"),
    ("whitepaper-dx", "工場DXの進め方"),
    ("checklist", "生産管理システム選定チェックリスト"),
    ("security", "セキュリティ説明資料"),
)
#: What HubSpot calls where a person first came from, and how often that is.
ORIGINS = {
    "ORGANIC_SEARCH": 40,
    "PAID_SEARCH": 25,
    "EMAIL_MARKETING": 12,
    "ウェビナー": 12,
    "パートナー紹介": 5,
    "DIRECT_TRAFFIC": 6,
}
#: Users of the SFA: id, name, address, hours until they usually call.
REPS = (
    ("0055i000001TaNA", "田中 舞", "tanaka@mirai.example", 5.0),
    ("0055i000001SuZU", "鈴木 亮", "suzuki@mirai.example", 11.0),
    ("0055i000001TaKA", "高橋 恵", "takahashi@mirai.example", 20.0),
)
QUEUE = "00G5i000001QuEU"


@dataclass(frozen=True, slots=True)
class Step:
    """One webhook of the story: when it is sent, and how it is made at that moment."""

    at: datetime
    make: Callable[[datetime], senders.Webhook]


@dataclass
class Story:
    """Draws the story. `secrets`: source name → webhook secret; `public_url` as HubSpot signs it."""

    now: datetime
    secrets: dict[str, str]
    public_url: str
    chance: random.Random = field(default_factory=lambda: random.Random(20260104))  # noqa: S311 - a story, no secret
    number: int = 0

    @property
    def start(self) -> datetime:
        """The Monday twelve weeks ago, at midnight in Tokyo."""
        today = self.now.astimezone(TOKYO).date()
        monday = today - timedelta(days=today.weekday(), weeks=WEEKS)
        return datetime.combine(monday, time(), TOKYO).astimezone(UTC)

    @property
    def first_day(self) -> date:
        return self.start.astimezone(TOKYO).date()

    @property
    def first_meeting(self) -> date:
        """The Thursday of the second week."""
        return self.first_day + timedelta(weeks=1, days=3)

    @cached_property
    def calendar(self) -> Calendar:
        """The office calendar, with a week in which the company is closed from Wednesday on."""
        wednesday = (self.start + timedelta(weeks=CLOSED_WEEK)).astimezone(TOKYO).date() + timedelta(days=2)
        closed = {wednesday + timedelta(days=n): "全社休業" for n in range(3)}
        office = japanese_office().model_copy(update={"company_days": closed})
        return with_public_holidays(office, sorted({self.start.year, self.now.year}))

    def steps(self) -> list[Step]:
        """Everything that is sent, in the order of sending; nothing later than now."""
        drawn = [step for week in range(WEEKS + 1) for step in self._week(week)] + list(self._fresh())
        return sorted((s for s in drawn if s.at <= self.now), key=lambda s: s.at)

    def _week(self, week: int) -> Iterator[Step]:
        monday = self.start + timedelta(weeks=week)
        for _ in range(self.chance.randint(16, 22)):
            day = self.chance.choices(range(7), (5, 6, 6, 6, 5, 1, 1))[0]
            first = monday + timedelta(days=day, hours=self.chance.uniform(8, 21))
            yield from self._lead(first, hot=self.chance.random() < 0.5)
        if week == FAIR_WEEK:
            yield from self._fair(monday + timedelta(days=3, hours=10))

    def _fair(self, at: datetime) -> Iterator[Step]:
        """The trade fair's visitors are imported and rescored within three minutes."""
        for _ in range(42):
            moment = at + timedelta(seconds=self.chance.uniform(0, 180))
            yield from self._lead(moment, hot=True, at_once=True)

    def _fresh(self) -> Iterator[Step]:
        """The last business day's MQLs, whom nobody has called yet."""
        calendar = self.calendar
        for n in range(8):
            ago = timedelta(hours=0.4 + n * 1.1)
            mql_at = before_deadline(self.now, ago, ClockKind.BUSINESS_HOURS, calendar)
            person = self._person()
            yield self._hubspot(person, mql_at - timedelta(days=3), self._introduction(person))
            for days, (_, title) in zip((2.5, 1.4, 0.3), self.chance.sample(CONTENT, 3), strict=True):
                yield self._hubspot(person, mql_at - timedelta(days=days), {"last_download": title})
            yield self._hubspot(person, mql_at, {"fit_score": str(self.chance.randint(80, 98))})
            yield self._assigned(person, QUEUE if n == 4 else self.chance.choice(REPS)[0], mql_at)

    def _lead(self, first: datetime, *, hot: bool, at_once: bool = False) -> Iterator[Step]:
        person = self._person(fair=at_once)
        yield self._hubspot(person, first, self._introduction(person))
        score, at, step = self.chance.randint(15, 35), first, timedelta(minutes=1 if at_once else 60 * 24)
        for asset, title in self.chance.sample(CONTENT, 4 if hot else self.chance.randint(1, 2)):
            at += step * (self.chance.random() if at_once else self.chance.expovariate(1 / 1.5))
            score += self.chance.randint(15, 24)
            changes = {"last_page": f"/blog/{asset}", "last_download": title, "fit_score": str(score)}
            yield self._hubspot(person, at, changes)
            if score >= 80 and hot:
                break
        if self.chance.random() < 0.2:
            yield self._seminar(person, first - timedelta(days=self.chance.uniform(1, 20)))
        if hot:
            yield from self._topped_up(person, at, score, fair=at_once)

    def _topped_up(self, person: dict[str, Any], at: datetime, score: int, *, fair: bool) -> Iterator[Step]:
        """The visit that lifts the score over the line, and what sales then does."""
        at += timedelta(minutes=self.chance.uniform(0.2, 1 if fair else 90))
        lift = {"last_download": "料金表 最新版", "fit_score": str(max(score, 80) + self.chance.randint(2, 14))}
        yield self._hubspot(person, at, lift)
        yield from self._sales(person, at)

    def _sales(self, person: dict[str, Any], mql_at: datetime) -> Iterator[Step]:
        owner, _, _, usual = self.chance.choice(REPS)
        agreed = mql_at >= self.start + timedelta(weeks=AGREED_WEEK)
        nobody = self.chance.random() < (0.01 if agreed else 0.12)
        yield (assigned := self._assigned(person, QUEUE if nobody else owner, mql_at))
        mood = self.chance.random()
        if nobody or mood < (0.02 if agreed else 0.08):
            return  # nobody calls
        usual = usual / 2 if agreed else usual
        called = self._working_moment(mql_at + timedelta(hours=self.chance.expovariate(1 / usual)))
        if mood < 0.12:
            called = mql_at - timedelta(hours=self.chance.uniform(2, 40))  # sales was quicker
        elif mood < (0.14 if agreed else 0.24):
            called = self._working_moment(mql_at + timedelta(days=self.chance.uniform(2, 5)))
        late = timedelta(hours=self.chance.uniform(12, 30)) if 0.24 <= mood < 0.32 else timedelta(minutes=8)
        yield from self._called(person, owner, called, recorded=max(called, assigned.at) + late)

    def _assigned(self, person: dict[str, Any], holder: str, mql_at: datetime) -> Step:
        at = mql_at + timedelta(minutes=self.chance.uniform(2, 25))
        return self._salesforce("Lead", self._record(person, holder, "Open - Not Contacted", at))

    def _called(self, person: dict[str, Any], owner: str, called: datetime, recorded: datetime) -> Iterator[Step]:
        task = {
            "Id": self._id("00T"),
            "WhoId": person["sfa"],
            "OwnerId": owner,
            "Subject": "架電",
            "Status": "Completed",
            "IsClosed": "true",
            "TaskSubtype": "Call",
            "CallDisposition": self.chance.choice(("つながった", "不在", "折り返し待ち")),
            "CompletedDateTime": senders.zulu(called),
            "CreatedDate": senders.zulu(recorded),
        }
        yield self._salesforce("Task", (recorded, task))
        result = self.chance.random()
        then = self._working_moment(recorded + timedelta(hours=self.chance.uniform(1, 60)))
        if result < 0.30:
            yield self._salesforce("Opportunity", (then, self._deal(person, then, closed=False)))
            if self.chance.random() < 0.5:
                end = self._working_moment(then + timedelta(days=self.chance.uniform(10, 40)))
                yield self._salesforce("Opportunity", (end, self._deal(person, end, closed=True)))
        elif result < 0.45:
            yield self._salesforce("Lead", self._record(person, owner, "Closed - Not Converted", then))
        else:
            yield self._salesforce("Lead", self._record(person, owner, "Working - Contacted", then))

    # What the tools write

    def _person(self, *, fair: bool = False) -> dict[str, Any]:
        self.number += 1
        return {
            "contact": 50_000 + self.number,
            "sfa": self._id("00Q"),
            "deal": self._id("006"),
            "email": f"contact{self.number}@{self.chance.choice('abcdefgh')}-company.example",
            "company": self.chance.choice(COMPANIES),
            "lastname": self.chance.choice(SURNAMES),
            "firstname": self.chance.choice(GIVEN),
            "original_source": "展示会" if fair else self.chance.choices(list(ORIGINS), list(ORIGINS.values()))[0],
        }

    def _introduction(self, person: dict[str, Any]) -> dict[str, str]:
        return {name: person[name] for name in ("email", "company", "lastname", "firstname", "original_source")}

    def _hubspot(self, person: dict[str, Any], at: datetime, changes: dict[str, str]) -> Step:
        numbers = iter(range(self.number * 1000 + self.chance.randint(0, 900), 10**9))
        entries = [senders.hubspot_change(person["contact"], n, v, at, next(numbers)) for n, v in changes.items()]
        sent = at + timedelta(seconds=self.chance.uniform(1, 40))
        return Step(sent, lambda now: senders.hubspot(entries, self.secrets["hubspot"], self.public_url, now))

    def _salesforce(self, object_type: str, sent: tuple[datetime, dict[str, str]]) -> Step:
        at, record = sent
        number = self.chance.randrange(10**9)
        return Step(at, lambda _: senders.salesforce(object_type, [record], number, self.secrets["salesforce"]))

    def _seminar(self, person: dict[str, Any], at: datetime) -> Step:
        event = {
            "id": f"attendance-{person['contact']}",
            "kind": "activity",
            "occurred_at": at.isoformat(),
            "lead": {"email": person["email"]},
            "activity": "seminar",
            "asset": "webinar-2",
            "title": "ウェビナー「脱エクセル生産管理」",
            "topics": ["生産管理"],
        }
        return Step(
            at + timedelta(hours=2),
            lambda now: senders.seminar([event], f"msg_{person['contact']}", self.secrets["seminar"], now),
        )

    def _record(self, person: dict[str, Any], owner: str, status: str, at: datetime) -> tuple[datetime, dict[str, str]]:
        said = {"Id": person["sfa"], "Email": person["email"], "Company": person["company"], "Status": status}
        said |= {"LastName": person["lastname"], "FirstName": person["firstname"], "OwnerId": owner}
        return at, said | {"LeadSource": "Web", "LastModifiedDate": senders.zulu(at)}

    def _deal(self, person: dict[str, Any], at: datetime, *, closed: bool) -> dict[str, str]:
        won = closed and self.chance.random() < 0.4
        stage = ("Closed Won" if won else "Closed Lost") if closed else "Proposal"
        return {
            "Id": person["deal"],
            "Name": f"{person['company']} 生産管理クラウド",
            "Contact_Email__c": person["email"],
            "StageName": stage,
            "IsClosed": str(closed).lower(),
            "IsWon": str(won).lower(),
            "LastModifiedDate": senders.zulu(at),
        }

    def _id(self, prefix: str) -> str:
        return prefix + "5i" + "".join(self.chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ0123456789", k=10))

    def _working_moment(self, at: datetime) -> datetime:
        calendar = self.calendar
        opening = next_opening(calendar, at)
        return at if is_open(calendar, at) else opening + timedelta(minutes=self.chance.uniform(5, 180))
