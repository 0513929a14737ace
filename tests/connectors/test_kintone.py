"""kintone's webhooks and its API: apps that a company made, and the many changes that no webhook tells of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given, settings
from hypothesis import strategies as st
from journey import SalesJourney
from kintone_account import ACTIVITIES, CONFIG, CREDENTIAL, DEALS, LEADS, TOKENS, KintoneVendor, refused, stamp
from pydantic import ValidationError
from security import FUZZ, JSON, NOW, ContentTests, Genuine, SecurityTests, assert_sound

from connectors.contract import (
    AskFailed,
    EventKind,
    ExternalId,
    LeadStatus,
    Lookup,
    Parsed,
    Problem,
    Unverified,
    WebhookRequest,
)
from connectors.kintone import api
from connectors.kintone.config import KintoneConfig
from connectors.kintone.connector import CONNECTOR, Kintone
from connectors.rounds import kept

FIXTURES = Path(__file__).parents[1] / "fixtures" / "kintone"
SECRET = "a-long+secret/of=ours"
URL = "https://t.example/webhooks/kintone"
KINTONE = Kintone()
BASE = "https://yamada.cybozu.com"
HOUR = timedelta(hours=1)
CODES = [code for form in ("lead", "activity", "deal") for code in CONFIG[form].values() if isinstance(code, str)]
AT, MADE = "2026-04-01T02:00:00Z", "2026-03-31T02:00:00Z"
FOLLOW_UP, RETRACTED = EventKind.FOLLOW_UP, EventKind.RETRACTED


def config(**more: Any) -> KintoneConfig:
    """The account's; a dict is laid over the one of the same name."""
    given = CONFIG | {"base": BASE}
    over = {name: given.get(name, {}) | said if isinstance(said, dict) else said for name, said in more.items()}
    return KintoneConfig.model_validate(given | over)


OURS = config()
#: The app of the documented samples.
ONE = KintoneConfig.model_validate({"base": "https://example.cybozu.com", "lead": {"app": 1, "name": "文字列_1行"}})


def genuine_body(name: str) -> bytes:
    return (FIXTURES / f"{name}.json").read_bytes()


def parse(body: bytes, config: KintoneConfig = OURS, method: str = "POST", at: datetime = NOW) -> Parsed:
    parsed = CONNECTOR.parse(WebhookRequest(method, URL, {}, body, at), config)
    assert_sound(parsed)
    return parsed


def typed(type_: str, value: Any) -> dict[str, Any]:
    return {"type": type_, "value": value}


def notice(app: int, record: Any, type_: str = "UPDATE_RECORD", **more: Any) -> bytes:
    about = {"id": "01234567", "type": type_, "app": {"id": str(app), "name": "アプリ"}, "record": record}
    return json.dumps(about | more).encode()


def record(changed: str = AT, revision: int = 2, made: str = MADE, **values: Any) -> dict[str, Any]:
    """As apps made in English show it: what kintone itself writes is known by its type."""
    system = {
        "$id": typed("__ID__", "5"),
        "$revision": typed("__REVISION__", str(revision)),
        "Updated_datetime": typed("UPDATED_TIME", changed),
        "Created_datetime": typed("CREATED_TIME", made),
        "Created_by": typed("CREATOR", {"code": "sato", "name": "佐藤 花子"}),
    }
    shown = {code: said if isinstance(said, dict) else typed("TEXT", said) for code, said in values.items()}
    return system | shown


def activity(**said: Any) -> bytes:
    about = {"リード": "2", "種別": "電話", "対応日時": "2026-04-01T01:30:00Z"}
    return notice(ACTIVITIES, record(**about | said))


class TestKintoneSecurity(SecurityTests):
    connector = CONNECTOR
    signs_body = False
    signs_time = False

    def genuine(self, now: datetime) -> Genuine:
        return CONNECTOR.sample(OURS, SECRET, URL, now), [SECRET], OURS

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        return replace(request, url=URL)

    @pytest.mark.parametrize("query", ["", "?", "?token=", "?token", "?Token=x", "?token=a-long", "#token=x"])
    def test_another_address_is_refused(self, query: str) -> None:
        with pytest.raises(Unverified):
            CONNECTOR.verify(WebhookRequest("POST", URL + query, {}, b"{}", NOW), [SECRET], OURS, NOW)


class TestKintoneContent(ContentTests):
    connector = CONNECTOR
    config = OURS

    @FUZZ
    @given(
        st.sampled_from([LEADS, ACTIVITIES, DEALS]),
        st.sampled_from(["ADD_RECORD", "UPDATE_RECORD", "UPDATE_STATUS", "DELETE_RECORD", "ADD_RECORD_COMMENT", "?"]),
        st.dictionaries(st.text(max_size=9), JSON),
        JSON,
        st.sampled_from(sorted(record())),
    )
    def test_any_notice_parses(self, app: int, type_: str, fields: Any, value: Any, broken: str) -> None:
        self.parse(notice(app, fields, type_))
        self.parse(notice(app, value, type_, recordId=value, deletedAt=value))
        mutated = record(**dict.fromkeys(CODES, value))
        self.parse(notice(app, mutated, type_))
        self.parse(notice(app, mutated | {broken: typed(mutated[broken]["type"], value)}, type_))
        self.parse(notice(app, mutated | {broken: value}, type_, recordId="5", deletedAt=AT))

    @FUZZ
    @given(st.sampled_from(["lead", "activity", "deal", "gone", ""]), JSON, JSON)
    def test_any_answer_parses(self, name: str, answer: Any, value: Any) -> None:
        for said in (answer, {"records": answer, "leads": answer}, {"records": [record() | {"$id": value}]}):
            parse(kept([(name, said)]), method="POLL")

    @pytest.mark.parametrize(
        "when", ["9999-12-31T23:59:59Z", "0001-01-01", "9999-12-31", "2026-13-01", "", "99999999999999"]
    )
    @pytest.mark.parametrize("code", ["Updated_datetime", "Created_datetime", "対応日時"])
    def test_times_at_the_end_of_time(self, code: str, when: str) -> None:
        about = record(リード="2", 種別="電話", 対応日時=AT)
        for zone in ("Asia/Tokyo", "Pacific/Honolulu", "UTC"):
            body = notice(ACTIVITIES, about | {code: typed(about[code]["type"], when)}, deletedAt=when, recordId="5")
            parse(body, config(zone=zone))
            parse(body.replace(b"UPDATE_RECORD", b"DELETE_RECORD"), config(zone=zone))

    @pytest.mark.parametrize("id_", ["9" * 600, "5; drop", "-1", "٣", "", None, [], {"a": 1}])
    def test_an_id_that_is_none_is_a_problem(self, id_: Any) -> None:
        assert parse(notice(ACTIVITIES, record() | {"$id": typed("__ID__", id_)})).problems
        assert parse(notice(ACTIVITIES, None, "DELETE_RECORD", recordId=id_, deletedAt=AT)).problems

    @pytest.mark.parametrize("name", ["add_record", "update_status"])
    def test_a_truncated_body_is_a_problem(self, name: str) -> None:
        body = genuine_body(name)
        for end in range(0, len(body) - 2, 29):
            assert self.parse(body[:end]).problems
        for encoding in ("utf-16", "shift_jis"):
            assert self.parse(body.decode().encode(encoding)).problems


# --- documented payloads


@pytest.mark.parametrize("name", ["add_record", "update_status"])
def test_a_record_that_hides_its_stamp_is_asked_for(name: str) -> None:
    assert parse(genuine_body(name), ONE) == Parsed(lookups=[Lookup("lead", "2", (("field", "$id"),))])


def test_derived_an_answer_says_status_and_the_stamp_of_the_revision() -> None:
    answer = json.loads(genuine_body("rest_records_page.derived"))["response"]
    told = {event.kind: event for event in parse(kept([("lead", answer)]), ONE, "POLL").events}
    assert told[EventKind.STATUS].data == {"status": None, "raw": "対応中"}
    assert told[EventKind.STATUS].occurred_at == datetime(2026, 9, 5, 3, 10, 0, 4000, UTC)  # revision 4
    assert told[EventKind.STATUS].lead == (ExternalId("kintone", "2"),)
    assert told[EventKind.LEAD].data == {"url": "https://example.cybozu.com/k/1/show#record=2"}


def test_an_app_that_nobody_named_is_a_problem() -> None:
    (problem,) = parse(genuine_body("add_record"), OURS).problems
    assert problem.place == "app"
    assert "app 1 is not lead.app" in problem.reason


def test_a_comment_says_nothing() -> None:
    said = {"recordId": "5", "comment": {"id": "1", "text": "架電しました", "createdAt": AT}}
    assert parse(notice(LEADS, None, "ADD_RECORD_COMMENT", **said)) == Parsed()


# --- a lead


@pytest.mark.parametrize(
    ("shown", "owner"),
    [
        (
            typed("USER_SELECT", [{"code": "sato", "name": "佐藤 花子"}, {"code": "x", "name": "X"}]),
            ("sato", "佐藤 花子"),
        ),
        (typed("USER_SELECT", []), (None, None)),
        (typed("SINGLE_LINE_TEXT", "佐藤 花子"), ("佐藤 花子", "佐藤 花子")),
        (typed("MODIFIER", {"code": "guest/sato@example.jp", "name": "佐藤"}), ("guest/sato@example.jp", "佐藤")),
    ],
)
def test_the_owner_is_a_user_or_a_text(shown: Any, owner: tuple[Any, Any]) -> None:
    (event,) = [e for e in parse(notice(LEADS, record(営業担当=shown))).events if e.kind is EventKind.OWNER]
    assert (event.data["owner"], event.data.get("name")) == owner
    assert "email" not in event.data


def test_an_address_to_log_in_with_is_written_to_only_if_somebody_said_so() -> None:
    shown = typed("USER_SELECT", [{"code": "guest/sato@example.jp", "name": "佐藤"}])
    told = parse(notice(LEADS, record(営業担当=shown)), config(logins_are_addresses=True)).events
    (event,) = [e for e in told if e.kind is EventKind.OWNER]
    assert event.data["email"] == "sato@example.jp"


def test_a_lead_as_its_fields_are_called() -> None:
    values = {"氏名": "山田 太郎", "会社名": "みなと精機", "メールアドレス": "Yamada@Minato.Example", "業種": "製造"}
    said = record(**values, リードスコア=typed("NUMBER", "86.5"), ステータス=typed("STATUS", "架電済"))
    told = {e.kind: e for e in parse(notice(LEADS, said), config(attributes={"業種": "industry"})).events}
    assert told[EventKind.LEAD].lead == (ExternalId("kintone", "5"), ExternalId("email", "yamada@minato.example"))
    assert told[EventKind.LEAD].data == {
        "name": "山田 太郎",
        "company": "みなと精機",
        "attributes": {"industry": "製造"},
        "url": f"{BASE}/k/12/show#record=5",
    }
    assert told[EventKind.SCORE].data == {"score": 86.5}
    assert told[EventKind.STATUS].data == {"status": LeadStatus.CONTACTED, "raw": "架電済"}


@pytest.mark.parametrize(
    ("word", "means"), [("架電済", "contacted"), ("処理中", "working"), ("完了", None), ("検討中", None)]
)
def test_a_status_that_nobody_explained_has_no_meaning(word: str, means: str | None) -> None:
    for shown, ours in (({"Status": typed("STATUS", word)}, OURS), ({"進捗": word}, config(lead={"status": "進捗"}))):
        told = {e.kind: e.data for e in parse(notice(LEADS, record(**shown)), ours).events}
        assert told[EventKind.STATUS] == {"status": means, "raw": word}


def test_a_score_that_is_no_number_says_so() -> None:
    (problem,) = parse(notice(LEADS, record(リードスコア="高"))).problems
    assert "choose a number field" in problem.reason


def test_in_a_guest_space_the_page_has_another_address() -> None:
    (event,) = parse(notice(LEADS, record()), config(guest_space=7)).events
    assert event.data["url"] == f"{BASE}/k/guest/7/12/show#record=5"


# --- what counts


@pytest.mark.parametrize(
    ("said", "more", "kinds"),
    [
        ({}, {}, [FOLLOW_UP]),
        ({"種別": "訪問"}, {}, [FOLLOW_UP]),
        ({"種別": ""}, {}, [FOLLOW_UP]),
        ({"種別": "受電"}, {}, [RETRACTED]),
        ({"種別": "受電", "revision": 1}, {}, []),
        ({"種別": "LINE"}, {"channels": {"LINE": "other"}}, [FOLLOW_UP]),
        ({"種別": "電話"}, {"channels": {"電話": "none"}}, [RETRACTED]),
        ({"種別": typed("CHECK_BOX", ["メール", "電話"])}, {}, [FOLLOW_UP]),
        ({"リード": ""}, {}, [RETRACTED]),
        ({"リード": "", "revision": 1}, {}, []),
        # a plan, until it is edited after its time
        ({"対応日時": "2026-04-01T02:01:00Z", "revision": 1}, {}, []),
        ({"対応日時": "2026-04-01T02:01:00Z"}, {}, [RETRACTED]),
        ({"対応日時": "2026-04-02", "revision": 1}, {}, []),
        # ticked off
        ({"結果": "予定"}, {"activity": {"done": "結果"}}, [RETRACTED]),
        ({"結果": "実施済み"}, {"activity": {"done": "結果"}}, [FOLLOW_UP]),
        ({"結果": typed("CHECK_BOX", [])}, {"activity": {"done": "結果", "done_words": ["はい"]}}, [RETRACTED]),
        ({"結果": typed("CHECK_BOX", ["はい"])}, {"activity": {"done": "結果", "done_words": ["はい"]}}, [FOLLOW_UP]),
    ],
)
def test_only_what_was_done_with_somebody_is_a_follow_up(
    said: dict[str, Any], more: dict[str, Any], kinds: list[EventKind]
) -> None:
    parsed = parse(activity(**said), config(**more))
    assert [event.kind for event in parsed.events] == kinds
    assert not parsed.problems


@pytest.mark.parametrize(
    ("said", "more", "happened"),
    [
        ({}, {}, "2026-04-01T01:30:00Z"),
        ({"対応日時": ""}, {}, MADE),
        # the whole of a day in Japan; the record was made on 31 March at 11:00 there
        ({"対応日時": "2026-03-31"}, {}, MADE),
        ({"対応日時": "2026-03-30"}, {}, "2026-03-30T14:59:59.999999Z"),
        ({"対応日時": "2026-04-01"}, {}, "2026-04-01T02:00:00.002Z"),
        ({"対応日時": "2026-03-31", "made": AT}, {}, "2026-03-31T14:59:59.999999Z"),
        # done at the time of the field, at the latest when it was ticked off
        ({"結果": "済"}, {"activity": {"done": "結果"}}, "2026-04-01T01:30:00Z"),
        (
            {"結果": "済", "対応日時": "2026-04-09T02:00:00Z"},
            {"activity": {"done": "結果"}},
            "2026-04-01T02:00:00.002Z",
        ),
        ({"結果": "済", "対応日時": ""}, {"activity": {"done": "結果"}}, "2026-04-01T02:00:00.002Z"),
    ],
)
def test_it_counts_from_when_it_happened(said: dict[str, Any], more: dict[str, Any], happened: str) -> None:
    (event,) = parse(activity(**said), config(**more)).events
    assert event.occurred_at == datetime.fromisoformat(happened)
    assert event.recorded_at == datetime.fromisoformat(said.get("made", MADE))
    assert event.revised_at == datetime(2026, 4, 1, 2, 0, 0, 2000, UTC)
    assert event.record == "activity:13-5"


def test_what_nobody_explained_is_listed() -> None:
    parsed = parse(activity(種別="LINE"))
    assert not parsed.events
    (problem,) = parsed.problems
    assert "'LINE'" in problem.reason
    assert "channels" in problem.reason


def test_who_did_it() -> None:
    by = {"対応者": typed("USER_SELECT", [{"code": "kato", "name": "加藤 葵"}])}
    assert parse(activity(**by)).events[0].data["by"] == "加藤 葵"
    assert parse(activity(**by), config(owners={"kato": "加藤"})).events[0].data["by"] == "加藤"
    assert parse(activity(), config(activity={"by": ""})).events[0].data["by"] == "佐藤 花子"


@pytest.mark.parametrize(("robots", "automated"), [([], False), (["sato"], True), (["Administrator"], False)])
def test_an_integration_is_no_person(robots: list[str], automated: bool) -> None:
    (event,) = parse(activity(), config(automated_users=robots)).events
    assert event.data["automated"] is automated


@pytest.mark.parametrize(
    ("said", "more", "lead"),
    [
        ({"リード": "2"}, {}, [("kintone", "2")]),
        ({"リード": "LEAD-2026-2"}, {}, [("kintone", "2")]),
        ({"リード": typed("NUMBER", "2")}, {"system": "kintone-osaka"}, [("kintone-osaka", "2")]),
        ({"リード": "C-0012"}, {"lead": {"key": "顧客番号"}}, [("kintone:顧客番号", "C-0012")]),
        (
            {"メール": "Sato@Example.jp"},
            {"activity": {"email": "メール"}},
            [("kintone", "2"), ("email", "sato@example.jp")],
        ),
        ({"リード": "", "メール": "a@b.example"}, {"activity": {"email": "メール"}}, [("email", "a@b.example")]),
    ],
)
def test_an_activity_names_its_lead_by_lookup_or_address(
    said: dict[str, Any], more: dict[str, Any], lead: list[tuple[str, str]]
) -> None:
    parsed = parse(activity(**said), config(**more))
    assert [(known.system, known.value) for known in parsed.events[0].lead] == lead
    asked = [] if lead[-1][0] == "email" else [lead[0][1]]
    assert [one.object_id for one in parsed.lookups] == asked
    assert all(one.optional for one in parsed.lookups)


def test_a_lookup_of_something_else_says_so() -> None:
    parsed = parse(activity(リード="株式会社みなと精機"))
    assert [event.kind for event in parsed.events] == [RETRACTED]
    assert "lead.key" in parsed.problems[0].reason


def test_a_deletion_takes_back_from_everybody_and_comes_last() -> None:
    deleted = notice(ACTIVITIES, None, "DELETE_RECORD", recordId="5", deletedAt=AT, deletedBy={"code": "sato"})
    (gone,) = parse(deleted).events
    assert (gone.kind, gone.lead, gone.record) == (RETRACTED, (), "activity:13-5")
    (edited,) = parse(activity(revision=70)).events
    assert edited.revised_at
    assert gone.revised_at
    assert (
        datetime.fromisoformat(AT) < edited.revised_at < gone.revised_at < datetime.fromisoformat(AT) + timedelta(0, 60)
    )
    assert parse(deleted.replace(b'"13"', b'"12"')) == Parsed()  # a lead: what happened, happened


def test_of_two_edits_within_one_minute_the_later_revision_is_newer() -> None:
    (first,), (second,) = (parse(activity(revision=n, 件名=str(n))).events for n in (9, 10))
    assert first.revised_at
    assert second.revised_at
    assert first.revised_at < second.revised_at


@pytest.mark.parametrize(("stage", "state"), [("提案", "open"), ("受注", "won"), ("失注", "lost"), ("見送り", "open")])
def test_a_deal_is_open_since_it_was_made(stage: str, state: str) -> None:
    said = record(リード="2", フェーズ=stage, 金額=typed("NUMBER", "1200000"), 案件名="原価管理")
    since, now = parse(notice(DEALS, said)).events
    assert (since.data, since.occurred_at) == ({"opportunity": "14-5", "state": "open"}, datetime.fromisoformat(MADE))
    told = {"opportunity": "14-5", "state": state, "stage": stage, "amount": 1200000, "name": "原価管理"}
    assert (now.data, now.occurred_at) == (told, datetime(2026, 4, 1, 2, 0, 0, 2000, UTC))


# --- the API


@contextmanager
def answering() -> Iterator[KintoneVendor]:
    vendor = KintoneVendor(lambda: NOW)
    with respx.mock(assert_all_called=False) as router:
        router.route(host="yamada.cybozu.com").mock(side_effect=vendor.answer)
        yield vendor


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[KintoneVendor]:
    """With pages of three."""
    monkeypatch.setattr(api, "LIMIT", 3)
    monkeypatch.setattr(api.LIMITER, "take", lambda *_: 0.0)
    with answering() as vendor:
        yield vendor


def polled(ours: KintoneConfig = OURS, since: datetime = NOW - HOUR, until: datetime = NOW + HOUR) -> list[Any]:
    found, cursor, more = [], KINTONE.start(since), True
    while more:
        page = KINTONE.poll(json.loads(json.dumps(cursor)), until, ours, CREDENTIAL, httpx.Client())
        parsed = parse(page.body, ours, "POLL")
        assert not parsed.problems
        assert not parsed.lookups
        found += parsed.events
        cursor, more = page.cursor, page.more
    return found


def pushed(account: KintoneVendor, ours: KintoneConfig = OURS) -> list[Any]:
    """With what was left open answered."""
    parsed = [parse(sent.body, ours) for sent in account.sent]
    lookups = [lookup for one in parsed for lookup in one.lookups]
    answered = KINTONE.fetch(lookups, ours, CREDENTIAL, httpx.Client()) if lookups else Parsed()
    assert_sound(answered)
    return [event for one in (*parsed, answered) for event in one.events]


def told(events: list[Any]) -> list[Any]:
    """Each fact once."""
    return sorted({event.key: event for event in events}.values(), key=lambda event: event.key)


def test_what_is_polled_is_what_was_pushed(account: KintoneVendor) -> None:
    for lead in ("sato", "kato", "mori", "abe", "ueda", "endo", "ono"):
        account.person(lead, f"{lead}@example.jp", lead)
        account.call(lead)
    about = {"リード": "1", "フェーズ": "受注", "金額": "1200000", "案件名": "原価管理"}
    account.add(DEALS, about)
    assert told(polled()) == told(pushed(account))
    assert told(polled() + polled()) == told(pushed(account))
    assert [app for app, _ in account.asked].count(LEADS) >= 3  # pages of three


def test_every_fact_of_every_form_is_the_same_pushed_and_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.LIMITER, "take", lambda *_: 0.0)

    @settings(FUZZ, max_examples=50)
    @given(
        st.lists(st.sampled_from(["電話", "訪問", "受電", ""]), max_size=4),
        st.sampled_from([stamp(NOW), stamp(NOW - 9 * HOUR), stamp(NOW + HOUR), "2026-09-24", "2026-09-20", ""]),
        st.sampled_from(["", "86", "0.5"]),
    )
    def same(kinds: list[str], when: str, score: str) -> None:
        with answering() as account:
            account.person("sato", "sato@example.jp", "佐藤")
            account.sent.clear()
            account.change(LEADS, 1, {"リードスコア": score, "ステータス": "架電済"})
            for kind in kinds:
                account.activity("sato", 種別=kind, 対応日時=when)
            assert told(polled()) == told(pushed(account))

    same()


def test_an_import_by_csv_is_found_although_no_webhook_told(account: KintoneVendor) -> None:
    for number in range(8):
        account.add(LEADS, {"氏名": f"山田 {number}", "メールアドレス": f"y{number}@example.jp"}, silently=True)
    assert not account.sent
    assert {event.lead[0].value for event in polled()} == {str(number) for number in range(1, 9)}


def test_the_sixty_first_notification_of_a_minute_is_dropped_and_found(account: KintoneVendor) -> None:
    for number in range(70):
        account.person(f"lead-{number}", f"y{number}@example.jp", "山田")
    assert len(account.sent) == 60
    assert len({event.lead[0].value for event in polled()}) == 70


def test_a_record_that_changes_while_pages_are_read_hides_no_other(account: KintoneVendor) -> None:
    for number in range(7):
        account.person(f"lead-{number}", f"y{number}@example.jp", "山田")

    def edit() -> None:
        account.apps[LEADS][1] |= {"$revision": "9", "更新日時": stamp(NOW + 5 * HOUR)}

    account.meanwhile = edit
    assert {event.lead[0].value for event in polled()} == {str(number) for number in range(1, 8)}


def test_what_changed_in_the_minute_of_the_poll_is_found_by_the_next(account: KintoneVendor) -> None:
    account.clock = lambda: NOW + timedelta(seconds=59)
    account.person("sato", "sato@example.jp", "佐藤")  # stamped NOW
    assert polled(since=NOW + timedelta(seconds=30), until=NOW + timedelta(seconds=90))
    assert polled(since=NOW + timedelta(minutes=5), until=NOW + timedelta(minutes=15))
    assert polled(since=NOW + timedelta(minutes=5, seconds=59), until=NOW + timedelta(minutes=15))
    assert not polled(since=NOW + timedelta(minutes=6), until=NOW + timedelta(minutes=16))
    assert not polled(since=NOW - 2 * HOUR, until=NOW - HOUR)  # a round of a long past reads its own time only


def test_an_activity_of_an_old_lead_says_who_that_is(account: KintoneVendor) -> None:
    """Without it the follow-up would belong to nobody whom another tool knows."""
    account.clock = lambda: NOW - timedelta(days=400)
    account.person("sato", "sato@example.jp", "佐藤")
    account.sent.clear()
    account.clock = lambda: NOW
    account.call("sato")
    for found in (polled(), pushed(account)):
        assert {event.kind for event in found} >= {EventKind.LEAD, FOLLOW_UP}
        (who,) = {event.lead for event in found if event.kind is EventKind.LEAD}
        assert who == (ExternalId("kintone", "1"), ExternalId("email", "sato@example.jp"))


def test_a_lookup_by_another_key_is_answered_by_that_key(account: KintoneVendor) -> None:
    ours = config(lead={"key": "会社名"})
    account.person("sato", "sato@example.jp", "佐藤")
    account.activity("sato", リード="山田製作所")
    (follow_up,) = [event for event in polled(ours) if event.kind is FOLLOW_UP]
    assert follow_up.lead == (ExternalId("kintone:会社名", "山田製作所"),)
    found = {event.lead for event in pushed(account, ours) if event.kind is EventKind.LEAD}
    assert found == {(ExternalId("kintone", "1"), follow_up.lead[0], ExternalId("email", "sato@example.jp"))}
    asked = dict(about(account, ExternalId("kintone", "1"), ours))
    assert asked[ACTIVITIES].startswith('(リード in ("山田製作所")) and 更新日時 >= ')


def test_a_thin_webhook_is_answered_by_the_record(account: KintoneVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    account.activity("sato")
    for sent in account.sent:
        body = json.loads(sent.body)
        del body["record"]["更新日時"]
        (lookup,) = parse(json.dumps(body).encode()).lookups
        assert not lookup.optional
        answered = KINTONE.fetch([lookup], OURS, CREDENTIAL, httpx.Client())
        assert {event.key for event in answered.events} <= {event.key for event in pushed(account)}
        assert answered.events
    gone = Lookup("activity", "99", (("field", "$id"),))
    assert KINTONE.fetch([gone], OURS, CREDENTIAL, httpx.Client()) == Parsed()


def about(account: KintoneVendor, lead: ExternalId, ours: KintoneConfig = OURS) -> list[tuple[int, str]]:
    account.asked.clear()
    page = KINTONE.ask_about([lead], NOW - HOUR, ours, CREDENTIAL, httpx.Client())
    assert lead.value not in page.url or lead.system != "email"
    assert not parse(page.body, ours, "POLL").problems
    return account.asked


@pytest.mark.parametrize("lead", [ExternalId("kintone", "1"), ExternalId("email", "sato@example.jp")])
@pytest.mark.parametrize("app_code", ["", "LEAD-"])
def test_one_lead_is_asked_about_by_its_id_or_by_its_address(
    account: KintoneVendor, lead: ExternalId, app_code: str
) -> None:
    for name in ("sato", "kato"):
        account.person(name, f"{name}@example.jp", name)
        number = f"{app_code}{account.people[name]}"
        account.apps[LEADS][account.people[name]]["レコード番号"] = number
        account.activity(name, リード=number)
    account.status("sato", "架電済")
    page = KINTONE.ask_about([lead], NOW - HOUR, OURS, CREDENTIAL, httpx.Client())
    events = parse(page.body, method="POLL").events
    assert {event.lead[0].value for event in events} == {"1"}
    assert {EventKind.STATUS, FOLLOW_UP} <= {event.kind for event in events}
    assert len(about(account, lead)) == 3
    assert len(about(account, ExternalId("email", "nobody@example.jp"))) == 1
    assert about(account, ExternalId("hubspot", "1")) == []


def test_an_address_cannot_change_the_question(account: KintoneVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    about(account, ExternalId("email", '"or"\\@example.jp'))
    assert account.asked == [(LEADS, 'メールアドレス in ("\\"or\\"\\\\@example.jp") order by $id asc limit 10')]


def test_deleted_activities_are_found_by_asking_for_them(account: KintoneVendor) -> None:
    account.person("sato", "sato@example.jp", "佐藤")
    first, second = account.activity("sato"), account.activity("sato")
    account.delete(ACTIVITIES, first, silently=True)
    names = [f"activity:13-{first}", f"activity:13-{second}", "activity:99-1", "call:1"]
    page = KINTONE.ask_again(names, OURS, CREDENTIAL, httpx.Client(), NOW)
    (event,) = parse(page.body, method="POLL").events
    assert (event.kind, event.record, event.occurred_at) == (RETRACTED, "activity:13-1", NOW)
    assert parse(KINTONE.ask_again(["call:1"], OURS, CREDENTIAL, httpx.Client(), NOW).body, method="POLL") == Parsed()


@pytest.mark.parametrize("answer", [httpx.Response(200, json={}), httpx.Response(200, text="<html>login</html>")])
def test_an_answer_without_records_deletes_nothing(account: KintoneVendor, answer: httpx.Response) -> None:
    account.refusals = [answer]
    with pytest.raises(AskFailed, match="without records"):
        KINTONE.ask_again(["activity:13-1"], OURS, CREDENTIAL, httpx.Client(), NOW)


# --- what may be wrong


@pytest.mark.parametrize(
    ("answer", "says", "again"),
    [
        (refused(520, "GAIA_IA02", "x"), "no such API token", False),
        (refused(400, "GAIA_IA02", "x"), "no such API token", False),
        (refused(403, "GAIA_NO01", "x"), "tick View records", False),
        (refused(400, "GAIA_AP15", "x"), "no API token of the credential belongs to app 12", False),
        (refused(404, "GAIA_AP01", "x"), "there is no app 12", False),
        (
            refused(400, "GAIA_IQ11", f"フィールドがありません {TOKENS[LEADS]}"),
            "app 12: .*フィールドがありません …",
            False,
        ),
        (refused(520, "GAIA_TM12", f"混んでいます {TOKENS[LEADS]}"), r"\(520\): 混んでいます …", True),
        (httpx.Response(403, text="<html>IP address</html>"), "403", False),
        (httpx.Response(401, json={"code": "CB_WA01"}), "no longer accepts the credential", False),
    ],
)
def test_a_refusal_is_a_sentence_without_a_secret(
    account: KintoneVendor, answer: httpx.Response, says: str, again: bool
) -> None:
    account.refusals = [answer]
    with pytest.raises(AskFailed, match=says) as failed:
        KINTONE.poll(KINTONE.start(NOW - HOUR), NOW, OURS, CREDENTIAL, httpx.Client())
    assert (failed.value.retry_after is not None) is again
    assert not [token for token in TOKENS.values() if token in str(failed.value)]


def test_too_many_questions_are_asked_again(account: KintoneVendor) -> None:
    account.refusals = [httpx.Response(429, headers={"retry-after": "0"}), httpx.Response(503)]
    account.person("sato", "sato@example.jp", "佐藤")
    assert polled()


@pytest.mark.parametrize(
    ("credential", "ours"),
    [("", OURS), (" , ", OURS), (CREDENTIAL, KintoneConfig())],
)
def test_nothing_is_asked_without_tokens_or_address(credential: str, ours: KintoneConfig) -> None:
    with pytest.raises(AskFailed):
        KINTONE.poll(KINTONE.start(NOW - HOUR), NOW, ours, credential, httpx.Client())


def checked(ours: KintoneConfig = OURS, credential: str = CREDENTIAL) -> Any:
    return KINTONE.check(ours, credential, httpx.Client())


def test_check_names_the_account_its_statuses_and_words_without_a_meaning(account: KintoneVendor) -> None:
    found = checked()
    assert (found.account, found.statuses) == ("yamada.cybozu.com", ("未対応", "架電済", "完了"))
    assert [problem.place for problem in found.problems] == ["activity.type"]
    assert "'LINE'" in found.problems[0].reason
    assert checked(config(channels={"LINE": "other"})).problems == ()
    assert checked(config(lead={"status": "種別"}, channels={"LINE": "none"})).statuses == ()


@pytest.mark.parametrize(
    ("more", "place", "says"),
    [
        ({"lead": {"score": "スコア"}}, "lead.score", "app 12 has no field スコア; check the form's field codes"),
        ({"deal": {"updated": "Updated_datetime"}}, "deal.updated", "it is called 更新日時 there"),
        ({"deal": {"app": 99}}, "deal", "there is no app 99"),
        ({"lead": {"app": 0}}, "lead.app", "the number of the app that holds your leads"),
    ],
)
def test_check_says_what_would_mend_it(account: KintoneVendor, more: dict[str, Any], place: str, says: str) -> None:
    problems = checked(config(**more, channels={"LINE": "other"})).problems
    assert [problem.place for problem in problems] == [place]
    assert says in problems[0].reason


def test_check_names_the_app_without_a_token(account: KintoneVendor) -> None:
    found = checked(config(channels={"LINE": "other"}), f"{TOKENS[LEADS]},{TOKENS[ACTIVITIES]}")
    assert found.problems == (Problem("deal", api.REFUSALS["GAIA_NO01"].format(app=DEALS)),)


def test_a_wrong_token_is_a_sentence_without_it(account: KintoneVendor) -> None:
    with pytest.raises(AskFailed, match="knows no such API token") as failed:
        checked(credential="wrong-token-never-shown")
    assert "wrong-token" not in str(failed.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"base": "http://yamada.cybozu.com"},
        {"base": "https://yamada.cybozu.com/k/12/"},
        {"base": "yamada.cybozu.com"},
        {"zone": "Tokyo"},
        {"zone": "../etc"},
        {"lead": {"email": 'メール" or $id > "0'}},
        {"lead": {"mail": "メール"}},
        {"channels": {"電話": "telephone"}},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KintoneConfig.model_validate(wrong)


# --- setting it up


def test_the_sample_has_the_customers_field_codes() -> None:
    ours = config(lead={"key": "顧客番号", "status": "進捗", "updated": "Updated_datetime"})
    for told in (ours, OURS):
        events = parse(CONNECTOR.sample(told, SECRET, URL, NOW).body, told).events
        assert {e.kind for e in events} == {EventKind.LEAD, EventKind.OWNER, EventKind.SCORE, EventKind.STATUS}
    assert parse(CONNECTOR.sample(KintoneConfig(), SECRET, URL, NOW).body, KintoneConfig()).problems


def test_schema_names_what_is_read() -> None:
    mapped = KINTONE.mapped(config(attributes={"業種": "industry"}))
    assert mapped["lead"]["メールアドレス"] == "email"
    assert mapped["lead"]["業種"] == "industry"
    assert mapped["activity"]["対応日時"] == "at"
    assert "" not in {code for fields in mapped.values() for code in fields}
    (shown,) = KINTONE.shown(WebhookRequest("POST", "", {}, activity(), NOW), OURS)
    assert shown.object == "activity"
    assert shown.fields["種別"] == "電話"
    assert "$types" not in shown.fields
    assert not list(KINTONE.shown(WebhookRequest("POST", "", {}, b"{", NOW), OURS))


def test_every_setting_of_the_readme_is_taken() -> None:
    for name in ("README.md", "README.ja.md"):
        text = (Path(__file__).parents[2] / "connectors" / "kintone" / name).read_text()
        KintoneConfig.model_validate_json(text.split("```json")[1].split("```")[0])


class TestKintoneJourney(SalesJourney):
    vendor = KintoneVendor
