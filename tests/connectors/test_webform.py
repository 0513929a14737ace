"""Forms, JSON of the customer's making, CSV files, and ids alone: the same facts, whatever they are written in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
import respx
from hypothesis import given
from hypothesis import strategies as st

from connectors.asking import Limiter
from connectors.contract import (
    AskFailed,
    CanonicalEvent,
    EventKind,
    ExternalId,
    LeadStatus,
    Lookup,
    Parsed,
    WebhookRequest,
)
from connectors.standard.schema import check_canonical
from connectors.tool import basic
from connectors.webform.config import WebFormConfig
from connectors.webform.connector import CONNECTOR
from connectors.webform.times import when
from tests.clock.world import World
from tests.connectors.journey import MarketingJourney, Post, Sent, Vendor
from tests.connectors.security import FUZZ, HOSTILE, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound
from tests.connectors.webform_account import EVENTS, FIELDS, ThinVendor, WebFormVendor

FORM = {"content-type": "application/x-www-form-urlencoded"}
AS_JSON = {"content-type": "application/json"}
URL = "https://tasuki.example.jp/webhooks/form"
SECRET = "a-token-that-nobody-guesses-0815"
MORE = {"company": "会社名", "status": "状態", "owner": "担当", "by": "対応者", "reason": "理由", "key": "番号"}
CONFIG = WebFormConfig.model_validate(
    {
        "system": "satori",
        "fields": FIELDS | MORE | {"url": "ページ", "title": "資料題名"},
        "events": EVENTS
        | {
            "架電": "follow_up call",
            "訪問": "follow_up meeting",
            "商談化": "disposition sql",
            "差し戻し": "disposition recycled",
            "接触": "status contacted",
            "自動返信": "ignore",
        },
        "statuses": {"対応中": "working"},
        "attributes": {"業種": "industry", "従業員数": "employees"},
    }
)
WHO = {"会員番号": "1024", "メールアドレス": "Sato@Example.jp", "姓": "佐藤", "名": "花子"}
AT = {"送信日時": "2026-09-24 17:20"}
LEAD = (ExternalId("satori", "1024"), ExternalId("email", "sato@example.jp"))


def posted(body: bytes, headers: dict[str, str] = FORM, at: datetime = NOW, **config: Any) -> Parsed:
    request = WebhookRequest("POST", URL, headers, body, at)
    parsed = CONNECTOR.parse(request, CONFIG.model_copy(update=config))
    assert_sound(parsed)
    return parsed


def form(said: dict[str, str], encoding: str = "utf-8") -> bytes:
    return urlencode(said, encoding=encoding).encode()


def events(said: dict[str, str], **config: Any) -> list[CanonicalEvent]:
    parsed = posted(form(WHO | AT | said), **config)
    assert parsed.problems == []
    return parsed.events


def of_kind(found: list[CanonicalEvent], kind: EventKind) -> list[CanonicalEvent]:
    return [event for event in found if event.kind is kind]


# --- proof


class TestWebFormSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return replace(CONNECTOR.sample(CONFIG, SECRET, URL, now), headers={}), [SECRET], CONFIG

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, url=URL, headers={})

    @pytest.mark.parametrize("query", ["", "?token=", "?token=x", f"?Token={SECRET}", "?token", f"?a=token={SECRET}"])
    def test_another_query_is_refused(self, query: str) -> None:
        request, secrets, config = self.genuine(NOW)
        self.refused((replace(request, url=URL + query), secrets, config))


class TestWebFormHeaderSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return WebhookRequest("POST", URL, {"x-tasuki-token": SECRET}, form(WHO), now), [SECRET], CONFIG

    def test_a_wrong_token_in_the_url_is_not_mended_by_a_header(self) -> None:
        request, secrets, config = self.genuine(NOW)
        self.refused((replace(request, url=f"{URL}?token=wrong"), secrets, config))

    def test_the_header_may_have_another_name(self) -> None:
        request, secrets, config = self.genuine(NOW)
        named = config.model_copy(update={"token_header": "X-Satori"})
        self.verify((replace(request, headers={"x-satori": SECRET}), secrets, named))


class TestWebFormBearerSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return WebhookRequest("POST", URL, {"authorization": f"Bearer {SECRET}"}, form(WHO), now), [SECRET], CONFIG


class TestWebFormBasicSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return WebhookRequest("POST", URL, {"authorization": basic(SECRET)}, form(WHO), now), [SECRET], CONFIG


# --- content


class TestFormContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG
    headers = FORM

    @FUZZ
    @given(st.dictionaries(st.sampled_from([*CONFIG.fields.named(), *CONFIG.attributes]), st.text(), max_size=8))
    def test_any_form_parses(self, said: dict[str, str]) -> None:
        self.parse(urlencode(said, errors="replace").encode())


class TestJsonContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG

    @FUZZ
    @given(st.dictionaries(st.sampled_from([*CONFIG.fields.named(), *CONFIG.attributes]), JSON, max_size=8), JSON)
    def test_any_message_parses(self, said: dict[str, Any], value: Any) -> None:
        for told in (said, WHO | said, [WHO | said, value]):
            self.parse(json.dumps(told).encode())


CSV = {"content-type": "text/csv; charset=Shift_JIS"}


class TestCsvContent(ContentTests):
    connector = CONNECTOR
    config = CONFIG
    headers = CSV


class TestThinContent(ContentTests):
    connector = CONNECTOR
    config = WebFormConfig.model_validate(ThinVendor(lambda: NOW).config("https://api.tool.example"))

    @FUZZ
    @given(JSON, JSON)
    def test_any_notice_and_any_answer_parse(self, told: Any, found: Any) -> None:
        parsed = self.parse(json.dumps({"sids": told, "event": "download"}).encode())
        if isinstance(found, dict):
            found |= {"sid": "s-1"}
        with respx.mock as router:
            router.route().mock(return_value=httpx.Response(200, json={"leads": [found, told]}))
            assert_sound(CONNECTOR.fetch([*parsed.lookups, Lookup("message", "s-1")], self.config, "k", httpx.Client()))


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:20]))
@pytest.mark.parametrize(
    "type_", ["text/csv", "text/plain", "multipart/form-data; boundary=x", "", "a/b; charset=utf-7"]
)
def test_hostile_bytes_of_any_type(body: bytes, type_: str) -> None:
    parsed = posted(body, {"content-type": type_})
    assert not parsed.events
    assert parsed.problems or body == b""


# --- who it is, and what stands


def test_a_form() -> None:
    told = {
        "会社名": "株式会社みなと精機",
        "スコア": "86",
        "状態": "対応中",
        "担当": "u-1",
        "業種": "製造",
        "ページ": "https://s.example/1",
    }
    found = events({"フォーム名": "資料請求", "資料名": "導入事例集", "従業員数": "", **told})
    assert {event.lead for event in found} == {LEAD}
    assert {event.occurred_at for event in found} == {datetime(2026, 9, 24, 8, 20, tzinfo=UTC)}
    assert {event.kind: event.data for event in found} == {
        EventKind.LEAD: {
            "name": "佐藤 花子",
            "company": "株式会社みなと精機",
            "url": "https://s.example/1",
            "attributes": {"industry": "製造", "employees": None},
        },
        EventKind.SCORE: {"score": 86},
        EventKind.STATUS: {"status": LeadStatus.WORKING, "raw": "対応中"},
        EventKind.OWNER: {"owner": "u-1"},
        EventKind.ACTIVITY: {"activity": "download", "asset": "導入事例集", "title": "導入事例集"},
    }


def test_json_and_csv_say_the_same_as_a_form() -> None:
    said = WHO | AT | {"フォーム名": "資料請求", "資料名": '導入, "事例"集', "スコア": "86"}
    row = ",".join('"' + value.replace('"', '""') + '"' for value in said.values())
    table = f"{','.join(said)}\r\n{row}\r\n"
    wanted = posted(form(said)).events
    assert wanted
    for body, headers in (
        (form(said, "cp932"), {"content-type": "application/x-www-form-urlencoded; charset=Shift_JIS"}),
        (json.dumps(said).encode(), AS_JSON),
        (json.dumps([said]).encode(), {"content-type": "text/plain"}),
        (
            json.dumps(said, ensure_ascii=False).encode("cp932"),
            {"content-type": 'application/json; charset="windows-31j"'},
        ),
        (b"\xef\xbb\xbf" + table.encode(), {"content-type": "text/csv"}),
        (table.encode("cp932"), {"content-type": "text/csv; header=present; charset=sjis"}),
    ):
        assert posted(body, headers).events == wanted
    for body in (form(said, "cp932"), table.encode("cp932")):
        headers = FORM if body.startswith(b"%") else {"content-type": "text/csv; charset=utf-8"}
        assert posted(body, headers, encoding="cp932").events == wanted  # who configured it knows better


def test_shift_jis_as_browsers_write_it() -> None:
    """The second byte of テ is a letter, and browsers leave it as it is."""
    body = form(WHO | {"フォーム名": "資料請求"}, "cp932") + "&資料名=".encode("cp932") + b"%83e%83X%83g"
    (activity,) = of_kind(posted(body, encoding="cp932").events, EventKind.ACTIVITY)
    assert activity.data["asset"] == "テスト"


@pytest.mark.parametrize(
    ("body", "headers", "word"),
    [
        (form(WHO, "cp932"), FORM, "shift_jis"),
        (json.dumps(WHO, ensure_ascii=False).encode("cp932"), AS_JSON, "shift_jis"),
        (b"a=\x81", FORM | {"content-type": "text/plain; charset=sjis"}, "utf-8"),
        (b"a=1", {"content-type": "text/plain; charset=euc-jp"}, "UTF-8 or Shift_JIS"),
        (b"", FORM, "empty"),
        (b"--x", {"content-type": "multipart/form-data; boundary=x"}, "multipart"),
        (b'{"a": "an "unmasked" template"}', AS_JSON, "not JSON"),
        (b'a,b\r\n"1,2', {"content-type": "text/csv"}, "no CSV"),
        (b'["a"]', AS_JSON, "items"),
        (b"&".join(b"a%d=1" % number for number in range(501)), FORM, "500"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_understood_says_what_would_mend_it(body: bytes, headers: dict[str, str], word: str) -> None:
    parsed = posted(body, headers)
    assert parsed.events == []
    (problem,) = parsed.problems
    assert word in problem.reason


def test_nested_json_and_lists() -> None:
    names = {"id": "customer.id", "email": "customer.mail", "name": "customer.name", "event": "type", "key": "id"}
    config = WebFormConfig.model_validate(
        {
            "fields": names,
            "items": "data.events",
            "events": {"dl": "activity download"},
            "attributes": {"customer.tags": "tags"},
        }
    )
    one = {
        "id": 7,
        "type": "dl",
        "customer": {"id": 51, "mail": "a@b.jp", "name": "山田", "tags": ["展示会", "製造", {"x": 1}]},
    }
    request = WebhookRequest("POST", URL, AS_JSON, json.dumps({"data": {"events": [one, one]}}).encode(), NOW)
    found = CONNECTOR.parse(request, config).events
    assert [event.kind for event in found] == ["lead", "activity"] * 2
    assert found[:2] == found[2:]
    assert found[0].lead == (ExternalId("webform", "51"), ExternalId("email", "a@b.jp"))
    assert found[0].data == {"name": "山田", "attributes": {"tags": "展示会; 製造"}}
    (shown, _) = CONNECTOR.shown(request, config)
    assert shown.fields["customer.name"] == "山田"


# --- what happened


@pytest.mark.parametrize(
    ("said", "kind", "data"),
    [
        ({"フォーム名": "資料請求", "資料名": "a"}, "activity", {"activity": "download", "asset": "a", "title": "a"}),
        ({"フォーム名": "資料請求", "資料題名": "A"}, "activity", {"activity": "download", "title": "A"}),
        ({"フォーム名": "架電", "対応者": "佐藤"}, "follow_up", {"channel": "call", "automated": False, "by": "佐藤"}),
        ({"フォーム名": "訪問"}, "follow_up", {"channel": "meeting", "automated": False}),
        ({"フォーム名": "商談化", "対応者": "佐藤"}, "disposition", {"outcome": "sql", "by": "佐藤"}),
        ({"フォーム名": "差し戻し", "理由": "時期尚早"}, "disposition", {"outcome": "recycled", "reason": "時期尚早"}),
        ({"フォーム名": "接触"}, "status", {"status": "contacted", "raw": "接触"}),
        ({"状態": "謎"}, "status", {"status": None, "raw": "謎"}),
    ],
)  # fmt: skip
def test_words_mean_what_the_configuration_says(said: dict[str, str], kind: str, data: dict[str, Any]) -> None:
    profile, event = events(said)
    assert profile.kind is EventKind.LEAD
    assert (event.kind, event.data) == (kind, data)


def test_what_says_that_nothing_happened_is_who_it_is() -> None:
    assert [event.kind for event in events({"フォーム名": "スコア更新"})] == [EventKind.LEAD]
    assert [event.kind for event in events({})] == [EventKind.LEAD]
    assert [event.kind for event in events({}, otherwise="activity form")] == [EventKind.LEAD, EventKind.ACTIVITY]
    assert events({"フォーム名": "自動返信"}) == []


@pytest.mark.parametrize(
    ("said", "place", "word"),
    [
        ({"フォーム名": "謎のフォーム"}, "フォーム名", "add it to events"),
        ({"送信日時": "きのう"}, "送信日時", "no time"),
        ({"送信日時": "2026/13/05 10:00"}, "送信日時", "no time"),
        ({"会員番号": "", "メールアドレス": "佐藤"}, "メールアドレス", "fields.email"),
    ],
)
def test_a_message_that_is_not_understood_is_not_guessed(said: dict[str, str], place: str, word: str) -> None:
    parsed = posted(form(WHO | AT | said))
    assert parsed.events == []
    (problem,) = parsed.problems
    assert problem.place.endswith(place)
    assert word in problem.reason


def test_one_bad_line_does_not_hold_up_the_others() -> None:
    lines = ["会員番号,フォーム名,送信日時,スコア", "1,資料請求,2026/9/1 9:00,80", "2,謎,2026/9/1 9:00,"]
    table = "\n".join([*lines, "3,資料請求,2026/9/1 9:00,八十"])
    parsed = posted(table.encode(), {"content-type": "text/csv"})
    assert [problem.place for problem in parsed.problems] == ["message line 3: フォーム名", "message line 4: score"]
    assert len(of_kind(parsed.events, EventKind.ACTIVITY)) == 2


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-09-24T08:20:00Z", "08:20:00"),
        ("2026-09-24T17:20:00+09:00", "08:20:00"),
        ("2026-09-24 17:20:30", "08:20:30"),
        ("2026/9/24 17:20", "08:20:00"),
        ("2026.09.24 17:20:30.123", "08:20:30"),
        ("2026年9月24日 17時20分", "08:20:00"),
        ("2026年9月24日\u300017時20分30秒", "08:20:30"),
        ("1790238000", "08:20:00"),
        ("1790238000000", "08:20:00"),
        ("2026-09-23", "15:00:00 on 2026-09-23"),
        ("2026/9/24", "08:30:00"),
        ("2026-09-24 18:00", "08:30:00"),
    ],
)
def test_times(written: str, at: str) -> None:
    """A day alone counts from its end; nothing happened later than it was told."""
    hour, _, day = at.partition(" on ")
    found = when(written, "Asia/Tokyo", NOW)
    assert found
    assert f"{found.at:%Y-%m-%d %H:%M:%S}" == f"{day or '2026-09-24'} {hour}"


@pytest.mark.parametrize(
    "written", ["", "x", "24", "2026-02-30 10:00", "2026/9/24 25:00", "0001-01-01", "9999-12-31", "17:20"]
)
def test_what_is_no_time(written: str) -> None:
    found = when(written, "Asia/Tokyo", NOW)
    assert found is None or written == "9999-12-31"


# --- the same fact


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (AT, AT, True),
        (AT, {"送信日時": "2026年9月24日 17:20"}, True),
        ({"送信日時": "2026-09-24"}, {"送信日時": "2026/09/24"}, True),
        (AT, {"送信日時": "2026-09-24 17:21"}, False),
        ({"番号": "m-1"}, {"番号": "m-1"}, True),
        ({"番号": "m-1"}, {"番号": "m-2"}, False),
        ({}, {}, False),
    ],
)
def test_sent_twice_it_is_the_same_fact(first: dict[str, str], second: dict[str, str], same: bool) -> None:
    """By the message's own id, else by its time; with neither nothing tells it from another one."""
    told = WHO | {"フォーム名": "架電", "スコア": "86"}
    one, other = posted(form(told | first)).events, posted(form(told | second), at=NOW + timedelta(hours=3)).events
    assert len(one) == len(other) == 3
    assert ({event.key for event in one} == {event.key for event in other}) is same
    assert len({event.key for event in one}) == 3


def test_a_corrected_message_is_another_revision_of_the_same_record() -> None:
    one, other = (
        of_kind(events({"番号": "c-1", "フォーム名": "架電", "送信日時": at}), EventKind.FOLLOW_UP)[0]
        for at in ("2026-09-24 10:00", "2026-09-24 11:00")
    )
    assert one.record == other.record
    assert one.revised_at is None


# --- ids only


@pytest.fixture(params=[True, False], ids=["several", "one by one"])
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThinVendor]:
    monkeypatch.setattr(Limiter, "take", lambda *_: 0.0)
    vendor = ThinVendor(lambda: NOW - timedelta(minutes=10))
    vendor.several = request.param
    with respx.mock(assert_all_called=False) as router:
        router.route(host="api.tool.example").mock(side_effect=vendor.answer)
        yield vendor


def config_of(vendor: ThinVendor) -> WebFormConfig:
    return WebFormConfig.model_validate(vendor.config("https://api.tool.example"))


def thin(vendor: ThinVendor, body: bytes) -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest("POST", URL, AS_JSON, body, NOW), config_of(vendor))
    assert_sound(parsed)
    return parsed


def answered(vendor: ThinVendor, lookups: list[Lookup]) -> list[CanonicalEvent]:
    found = CONNECTOR.fetch(lookups, config_of(vendor), vendor.key, httpx.Client())
    assert_sound(found)
    assert found.problems == []
    return found.events


def test_what_stands_behind_an_id_is_asked_for(tool: ThinVendor) -> None:
    tool.person("sato", "sato@example.jp", "佐藤")
    tool.score("sato", 86)
    tool.download("sato", "導入事例集")
    parsed = thin(tool, tool.sent[-1].body)
    assert parsed.events == parsed.problems == []
    found = answered(tool, parsed.lookups)
    assert {event.lead for event in found} == {(ExternalId("webform", "s-1"), ExternalId("email", "sato@example.jp"))}
    assert {event.occurred_at for event in found} == {NOW - timedelta(minutes=10)}
    assert [(event.kind, event.data) for event in found] == [
        (EventKind.LEAD, {"name": "佐藤"}),
        (EventKind.SCORE, {"score": 86}),
        (EventKind.ACTIVITY, {"activity": "download", "asset": "導入事例集", "title": "導入事例集"}),
    ]
    assert answered(tool, thin(tool, tool.sent[-1].body).lookups) == found


def test_many_ids_at_once(tool: ThinVendor) -> None:
    many = 80 if tool.several else 39
    for number in range(many):
        tool.person(f"lead-{number}", f"lead-{number}@example.jp", "山田")
    sids = [person["sid"] for person in tool.people.values()]
    body = json.dumps({"event": "changed", "sids": [*sids, "s-gone", sids[0]]}).encode()
    found = answered(tool, thin(tool, body).lookups)
    assert {event.lead[0].value for event in found} == set(sids)
    assert len(tool.asked) == (2 if tool.several else many + 1)


def test_each_message_about_one_person_counts(tool: ThinVendor) -> None:
    tool.person("sato", "sato@example.jp", "佐藤")
    (sid,) = (person["sid"] for person in tool.people.values())
    sent = json.loads(tool.sent[-1].body) if tool.sent else {}
    body = json.dumps([sent | {"sids": [sid], "at": f"2026-09-24 10:0{number}:00"} for number in range(3)]).encode()
    lookups = thin(tool, body).lookups
    assert len(lookups) == 3
    assert len({event.key for event in answered(tool, lookups)}) >= 3


@pytest.mark.parametrize(
    "ids", ["../admin", "a/b", "..", "a?b", "a#b", "@evil.example/", "x%2f", "//evil.example", "山田", "\\evil"]
)
def test_nothing_but_an_id_goes_into_the_address(tool: ThinVendor, ids: str) -> None:
    parsed = thin(tool, json.dumps({"sids": [ids, "s-1"]}).encode())
    assert len(parsed.problems) == 1
    answered(tool, parsed.lookups)
    assert all(asked.startswith("https://api.tool.example/v1/leads") for asked in tool.asked)
    assert tool.asked[0].endswith("s-1")


def test_a_redirect_to_another_host_is_not_followed(tool: ThinVendor) -> None:
    tool.refusals = [httpx.Response(302, headers={"location": "https://evil.example/"})]
    with pytest.raises(AskFailed, match="refused the question"):
        CONNECTOR.fetch([Lookup("message", "s-1")], config_of(tool), tool.key, httpx.Client())


@pytest.mark.parametrize(
    ("told", "word"), [({}, "thin.ids"), ({"sids": []}, "thin.ids"), ({"sids": {"a": 1}}, "thin.ids")]
)
def test_a_message_without_ids_says_so(tool: ThinVendor, told: dict[str, Any], word: str) -> None:
    parsed = thin(tool, json.dumps(told).encode())
    assert parsed.lookups == []
    assert word in parsed.problems[0].reason


def test_more_ids_than_can_be_asked_one_by_one(tool: ThinVendor) -> None:
    parsed = thin(tool, json.dumps({"sids": [f"s-{number}" for number in range(101)]}).encode())
    assert bool(parsed.problems) is not tool.several
    assert len(parsed.lookups) == (101 if tool.several else 0)


@pytest.mark.parametrize(
    ("auth", "header", "shown"),
    [
        ("bearer", "authorization", "Bearer user:key"),
        ("basic", "authorization", "Basic dXNlcjprZXk="),
        ("header", "x-key", "user:key"),
    ],
)
def test_how_the_credential_is_shown(auth: str, header: str, shown: str) -> None:
    thin = {"url": "https://api.tool.example/{id}", "auth": auth, "header": "X-Key"}
    config = WebFormConfig.model_validate({"thin": thin})
    with respx.mock as router:
        route = router.get("https://api.tool.example/7").mock(
            return_value=httpx.Response(200, json={"email": "a@b.jp"})
        )
        CONNECTOR.fetch([Lookup("message", "7")], config, "user:key", httpx.Client())
    assert route.calls[0].request.headers[header] == shown


def test_check_says_whether_the_credential_is_taken(tool: ThinVendor) -> None:
    found = CONNECTOR.check(config_of(tool), tool.key, httpx.Client())
    assert (found.account, found.problems) == ("api.tool.example", ())
    silent = config_of(tool).model_copy(update={"events": {}})
    assert CONNECTOR.check(silent, tool.key, httpx.Client()).problems[0].place == "events"
    with pytest.raises(AskFailed, match=r"credential \(401\)") as refused:
        CONNECTOR.check(config_of(tool), "wrong-key-0815", httpx.Client())
    assert "0815" not in str(refused.value)
    with pytest.raises(AskFailed, match="no credential"):
        CONNECTOR.check(config_of(tool), " ", httpx.Client())
    with pytest.raises(AskFailed, match=r"thin.url"):
        CONNECTOR.check(CONFIG, tool.key, httpx.Client())


def test_a_limit_is_waited_for(tool: ThinVendor) -> None:
    tool.person("sato", "sato@example.jp", "佐藤")
    tool.refusals = [httpx.Response(429, headers={"Retry-After": "0"})]
    assert answered(tool, [Lookup("message", "s-1")])
    tool.refusals = [httpx.Response(429, headers={"Retry-After": "120"})]
    with pytest.raises(AskFailed) as refused:
        answered(tool, [Lookup("message", "s-1")])
    assert refused.value.retry_after == 120


# --- configuration


@pytest.mark.parametrize(
    "url",
    [
        "http://api.tool.example/{id}",
        "https://{id}.tool.example/",
        "https://api.tool.example/leads",
        "https://api.tool.example/{id}/{ids}",
        "https://user:pass@api.tool.example/{id}",
        "https://api.tool.example/{id}#x",
        "https://api.tool.example/?u=https://evil.example/{id}",
        "{id}",
        "ftp://api.tool.example/{id}",
    ],
)
def test_an_address_that_would_give_the_credential_away_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        WebFormConfig.model_validate({"thin": {"url": url}})


@pytest.mark.parametrize(
    "said",
    [
        {"events": {"x": "download"}},
        {"events": {"x": "follow_up fax"}},
        {"events": {"x": "activity"}},
        {"events": {"x": "activity  "}},
        {"otherwise": "owner x"},
        {"encoding": "euc-jp"},
        {"zone": "Tokyo"},
        {"fields": {"mail": "x"}},
    ],
    ids=repr,
)
def test_a_configuration_that_means_nothing_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        WebFormConfig.model_validate(said)


@pytest.mark.parametrize("config", [CONFIG, CONFIG.model_copy(update={"encoding": "cp932"}), WebFormConfig()])
def test_the_sample_is_genuine_and_has_the_sources_own_names(config: WebFormConfig) -> None:
    request = CONNECTOR.sample(config, SECRET, URL, NOW)
    assert quote(SECRET) in request.url
    parsed = CONNECTOR.parse(request, config)
    assert parsed.problems == []
    assert {event.kind for event in parsed.events} == {"lead", "score", "activity"} if config.events else {"lead"}
    (shown,) = CONNECTOR.shown(request, config)
    assert set(shown.fields) <= set(CONNECTOR.mapped(config)["message"])
    for event in parsed.events:
        check_canonical(event)


# --- all of it


class Again(Post):
    """Each message comes twice, and all of them in any order; a tool that never sends again may lose none."""

    def _arriving(self, *, all_of_it: bool) -> list[Sent]:
        arriving, self.underway = [*self.underway, *self.underway], []
        self.chance.shuffle(arriving)
        return arriving


class TestWebFormJourney(MarketingJourney):
    vendor = WebFormVendor

    @contextmanager
    def connected(self, world: World, way: str, role: str) -> Iterator[tuple[Vendor, Post]]:
        with super().connected(world, way, role) as (vendor, post):
            yield vendor, post if way == "pushed" else Again(world, vendor, way)

    @pytest.mark.parametrize("way", ["pushed", "again-1", "again-2"])
    def test_every_mql_is_found_when_it_became_one(self, world: World, way: str) -> None:
        super().test_every_mql_is_found_when_it_became_one(world, way)


class TestThinJourney(TestWebFormJourney):
    vendor = ThinVendor
