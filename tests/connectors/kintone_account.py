"""A kintone that is small enough to test with: three apps with Japanese field codes, webhooks, queries and tokens.

https://cybozu.dev/ja/kintone/docs/overview/webhook, https://cybozu.dev/ja/kintone/docs/overview/query
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

import httpx
from journey import Sent, Vendor

LEADS, ACTIVITIES, DEALS = 12, 13, 14
TOKENS = {LEADS: "token-of-the-leads-0001", ACTIVITIES: "token-of-the-calls-0002", DEALS: "token-of-the-deals-0003"}
CREDENTIAL = ", ".join(TOKENS.values())
#: Notifications a minute; kintone drops the rest.
MOST_A_MINUTE = 60
CONFIG: dict[str, Any] = {
    "lead": {
        "app": LEADS,
        "name": "氏名",
        "company": "会社名",
        "email": "メールアドレス",
        "owner": "営業担当",
        "score": "リードスコア",
    },
    "activity": {
        "app": ACTIVITIES,
        "lead": "リード",
        "at": "対応日時",
        "type": "種別",
        "by": "対応者",
        "subject": "件名",
    },
    "deal": {"app": DEALS, "lead": "リード", "state": "フェーズ", "amount": "金額", "title": "案件名"},
    "statuses": {"未対応": "new", "架電済": "contacted"},
}
#: The codes of fields that are no plain text.
TYPES = {
    "営業担当": "USER_SELECT",
    "対応者": "USER_SELECT",
    "対応日時": "DATETIME",
    "種別": "DROP_DOWN",
    "フェーズ": "DROP_DOWN",
    "リードスコア": "NUMBER",
    "金額": "NUMBER",
    "ステータス": "STATUS",
    "レコード番号": "RECORD_NUMBER",
    "更新日時": "UPDATED_TIME",
    "作成日時": "CREATED_TIME",
    "作成者": "CREATOR",
    "更新者": "MODIFIER",
    "$id": "__ID__",
    "$revision": "__REVISION__",
}
#: App → the field codes of its form.
FORMS = {
    LEADS: "氏名 会社名 メールアドレス 営業担当 リードスコア ステータス 業種",
    ACTIVITIES: "リード 対応日時 種別 対応者 件名",
    DEALS: "リード フェーズ 金額 案件名",
}
SYSTEM = "レコード番号 更新日時 作成日時 作成者 更新者"
CHOICES = {"種別": ["電話", "メール", "訪問", "LINE"], "フェーズ": ["提案", "受注", "失注"]}
STATES = ["未対応", "架電済", "完了"]
Values = dict[str, Any]


def stamp(at: datetime) -> str:
    """Without seconds."""
    return f"{at:%Y-%m-%dT%H:%M:00Z}"


def person(login: str) -> dict[str, str]:
    return {"code": login, "name": {"rep-1": "佐藤 花子"}.get(login, login)}


class KintoneVendor(Vendor):
    kind = "kintone"

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.apps: dict[int, dict[int, Values]] = {app: {} for app in FORMS}
        self.ids = {app: count(1) for app in FORMS}
        self.people: dict[str, int] = {}
        self.told: Counter[str] = Counter()
        self.numbers = count(1)
        #: What was asked: app, query.
        self.asked: list[tuple[int, str]] = []
        #: Answered with instead, one after the other.
        self.refusals: list[httpx.Response] = []
        #: Happens after an answer to a question for records.
        self.meanwhile: Callable[[], object] = lambda: None

    def config(self, base: str) -> dict[str, Any]:
        return CONFIG | {"base": base}

    def credential(self, base: str) -> str:
        return CREDENTIAL

    # --- what people do

    def person(self, lead: str, email: str, name: str) -> None:
        about = {"氏名": name, "会社名": "山田製作所", "メールアドレス": email, "営業担当": [], "ステータス": "未対応"}
        self.people[lead] = self.add(LEADS, about)

    def owner(self, lead: str, user: str) -> None:
        self.change(LEADS, self.people[lead], {"営業担当": [person(user)]})

    def status(self, lead: str, word: str) -> None:
        self.change(LEADS, self.people[lead], {"ステータス": word}, type_="UPDATE_STATUS")

    def call(self, lead: str) -> None:
        self.activity(lead, 対応日時=stamp(self.clock()))

    def plan_call(self, lead: str) -> None:
        self.activity(lead, 対応日時="2026-04-02T06:00:00Z")

    def delete_call(self, lead: str) -> None:
        (known,) = [id_ for id_, a in self.apps[ACTIVITIES].items() if a["リード"] == str(self.people[lead])]
        self.delete(ACTIVITIES, known)

    def activity(self, lead: str, **said: Any) -> int:
        about = {"リード": str(self.people[lead]), "種別": "電話", "件名": "初回のご連絡", "対応者": [person("rep-1")]}
        return self.add(ACTIVITIES, about | said)

    # --- records

    def add(self, app: int, values: Values, *, silently: bool = False) -> int:
        """`silently`: by CSV, or with others in one call of the API."""
        known, at = next(self.ids[app]), stamp(self.clock())
        made = {"$id": str(known), "$revision": "1", "レコード番号": str(known), "作成日時": at, "更新日時": at}
        self.apps[app][known] = made | {"作成者": person("rep-1"), "更新者": person("rep-1")} | values
        if not silently:
            self.tell("ADD_RECORD", app, self.shown(app, known))
        return known

    def change(self, app: int, known: int, values: Values, type_: str = "UPDATE_RECORD") -> None:
        record = self.apps[app][known]
        record |= values | {"$revision": str(int(record["$revision"]) + 1), "更新日時": stamp(self.clock())}
        self.tell(type_, app, self.shown(app, known))

    def delete(self, app: int, known: int, *, silently: bool = False) -> None:
        del self.apps[app][known]
        if not silently:
            at = f"{self.clock():%Y-%m-%dT%H:%M:%SZ}"
            self.tell("DELETE_RECORD", app, {"recordId": str(known), "deletedBy": person("rep-1"), "deletedAt": at})

    def comment(self, app: int, known: int, text: str) -> None:
        said = {"id": "1", "text": text, "createdAt": stamp(self.clock()), "creator": person("rep-1"), "mentions": []}
        self.tell("ADD_RECORD_COMMENT", app, {"recordId": str(known), "comment": said})

    def shown(self, app: int, known: int) -> dict[str, Any]:
        url = f"https://yamada.cybozu.com/k/{app}/show#record={known}"
        return {"record": self.typed(self.apps[app][known]), "recordTitle": "…", "url": url}

    def typed(self, record: Values) -> dict[str, Any]:
        return {code: {"type": TYPES.get(code, "SINGLE_LINE_TEXT"), "value": said} for code, said in record.items()}

    def tell(self, type_: str, app: int, said: dict[str, Any]) -> None:
        minute = stamp(self.clock())
        self.told[minute] += 1
        if self.told[minute] > MOST_A_MINUTE:
            return
        about = {"id": str(UUID(int=next(self.numbers))), "type": type_, "app": {"id": str(app), "name": "アプリ"}}
        self.sent.append(Sent(json.dumps(about | said).encode(), query=f"token={self.secret}"))

    # --- the API

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.refusals:
            return self.refusals.pop(0)
        if request.method != "POST" or request.headers.get("x-http-method-override") != "GET":
            return refused(400, "CB_IL02", "不正なリクエストです。")
        said = json.loads(request.content)
        app, tokens = said["app"], [one.strip() for one in request.headers["x-cybozu-api-token"].split(",")]
        if not set(tokens) <= set(TOKENS.values()):
            return refused(520, "GAIA_IA02", "指定したAPIトークンは、アプリで生成されたトークンと異なります。")
        if app not in self.apps:
            return refused(404, "GAIA_AP01", f"指定したアプリ(id: {app})が見つかりません。")
        if TOKENS[app] not in tokens:
            return refused(403, "GAIA_NO01", "このAPIトークンでは、指定したAPIを実行できません。")
        match request.url.path:
            case "/k/v1/records.json":
                return self.records(app, said)
            case "/k/v1/app/form/fields.json":
                return httpx.Response(200, json={"properties": self.form(app), "revision": "2"})
            case "/k/v1/app/status.json":
                states = {word: {"name": word, "index": str(at)} for at, word in enumerate(STATES)}
                return httpx.Response(200, json={"enable": True, "states": states, "actions": [], "revision": "2"})
        return refused(404, "CB_NO00", "not found")

    def form(self, app: int) -> dict[str, Any]:
        codes = f"{FORMS[app]} {SYSTEM}".split()
        form: dict[str, Any] = {code: {"type": TYPES.get(code, "SINGLE_LINE_TEXT"), "code": code} for code in codes}
        for code in form.keys() & CHOICES:
            form[code]["options"] = {word: {"label": word, "index": str(at)} for at, word in enumerate(CHOICES[code])}
        return form

    def records(self, app: int, said: dict[str, Any]) -> httpx.Response:
        self.asked.append((app, said["query"]))
        try:
            found = chosen(said["query"], list(self.apps[app].values()), [*self.form(app), "$id"])
        except KeyError as unknown:
            return refused(400, "GAIA_IQ11", f"指定されたフィールド(code: {unknown.args[0]})が見つかりません。")
        except ValueError:
            return refused(400, "CB_VA01", "入力内容が正しくありません。")
        fields = said.get("fields")
        shown = [{code: said for code, said in one.items() if not fields or code in fields} for one in found]
        answer = httpx.Response(200, json={"records": [self.typed(one) for one in shown], "totalCount": None})
        self.meanwhile()
        return answer


def refused(status: int, code: str, message: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "id": "1505999166-897850006", "message": message})


# The query language, as far as it is used


def chosen(query: str, records: list[Values], codes: list[str]) -> list[Values]:
    """KeyError: the app has no such field; ValueError: kintone would not understand it."""
    known = re.fullmatch(r"(.*?)(?: order by \$id (asc|desc))? limit (\d+)", query)
    if not known or int(known.group(3)) > 500:
        raise ValueError(query)
    condition = Condition(known.group(1), codes)
    found = [record for record in records if condition.holds(record)]
    found.sort(key=lambda one: int(one["$id"]), reverse=known.group(2) != "asc")
    return found[: int(known.group(3))]


class Condition:
    """`a >= "x" and (b in ("y", "z") or $id > 5)`; `and` binds closer."""

    TOKENS = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|[()]|,|>=|<=|>|=|[^\s"(),=<>]+)""")

    def __init__(self, text: str, codes: list[str]) -> None:
        self.tokens = self.TOKENS.findall(text)
        if "".join(self.tokens) != re.sub(r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", text.strip()):
            raise ValueError(text)
        self.codes, self.at, self.record = codes, 0, Values()

    def holds(self, record: Values) -> bool:
        self.at, self.record = 0, record
        said = self.either()
        if self.at != len(self.tokens):
            raise ValueError(self.tokens)
        return said

    def next(self) -> str:
        self.at += 1
        return str(self.tokens[self.at - 1])

    def goes_on_with(self, word: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at] == word

    def either(self) -> bool:
        said = self.both()
        while self.goes_on_with("or"):
            self.at += 1
            said = self.both() or said
        return said

    def both(self) -> bool:
        said = self.one()
        while self.goes_on_with("and"):
            self.at += 1
            said = self.one() and said
        return said

    def one(self) -> bool:
        if self.goes_on_with("("):
            self.at += 1
            said = self.either()
            assert self.next() == ")"
            return said
        code, operator = self.next(), self.next()
        if code not in self.codes:
            raise KeyError(code)
        value = self.record.get(code, "")
        if operator == "in":
            return value in self.list()
        other = self.value()
        left, right = (int(value), int(other)) if code == "$id" else (value, other)
        return {">=": left >= right, "<=": left <= right, ">": left > right, "=": left == right}[operator]

    def list(self) -> list[str]:
        assert self.next() == "("
        values = [self.value()]
        while self.next() == ",":
            values.append(self.value())
        return values

    def value(self) -> str:
        word = self.next()
        return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word
