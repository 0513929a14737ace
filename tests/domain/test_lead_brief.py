"""What a brief says, what it never says, and how complete it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from app.domain.brief import Contents, company_context, past, without_contacts
from app.domain.completeness import Known, Wanted, completeness, score
from app.domain.episode import Event
from app.domain.statistics import Share
from connectors.contract import EventKind

AT = datetime(2026, 9, 18, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOTHING = Contents({}, {})


def event(number: int, kind: EventKind, hours: float, record: str | None = None, **data: Any) -> Event:
    at = AT + hours * HOUR
    return Event(f"e{number}", kind, at, at, data, record=record, revised_at=at if record else None)


def read(number: int, hours: float, **data: Any) -> Event:
    return event(number, EventKind.ACTIVITY, hours, **({"activity": "download"} | data))


def call(number: int, hours: float, record: str | None = None, **data: Any) -> Event:
    return event(number, EventKind.FOLLOW_UP, hours, record, **({"channel": "call", "automated": False} | data))


# --- numbers and addresses


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("折返し 03-1234-5678 まで", "折返し … まで"),
        ("TEL:090 1234 5678", "TEL:…"),
        ("0312345678", "…"),
        ("+81 90-1234-5678", "…"),
        ("（０３）１２３４－５６７８", "…"),
        ("sato@yamada.example へ返信", "… へ返信"),
        ("「sato@yamada.example」", "「…」"),
        ("予算1000000000円", "予算1000000000円"),
        ("3回目 2026/09/18 10:00", "3回目 2026/09/18 10:00"),
        ("2026-09-01 10:00", "2026-09-01 10:00"),
        ("第0回セミナー", "第0回セミナー"),
        (None, None),
    ],
)
def test_no_number_and_no_address_is_shown(written: str | None, shown: str | None) -> None:
    assert without_contacts(written) == shown


def test_company_context_leaves_out_what_reaches_people() -> None:
    told = {
        "industry": "製造",
        "employees": 320,
        "mobile": "090",
        "電話番号": "1",
        "Email2": "x",
        "fax": "1",
        "hotel": 3,
    }
    told |= {"memo": "社長 03-1234-5678", "blank": " ", "none": None, "opted_out": False}
    assert company_context(told) == (
        ("employees", "320"),
        ("hotel", "3"),
        ("industry", "製造"),
        ("memo", "社長 …"),
    )


# --- what happened


def test_the_newest_first_and_no_more_than_ten() -> None:
    found = past([read(n, n, title=f"資料{n}") for n in range(12)], NOTHING)
    assert [each.title for each in found.activities] == [f"資料{n}" for n in range(11, 1, -1)]
    assert (found.topics, found.touches) == ((), ())


def test_content_told_twice_is_read_once() -> None:
    twice = [read(1, 1, asset="a", title="料金表"), read(2, 1, asset="a", title="料金表"), read(3, 2, asset="a")]
    assert [each.at for each in past(twice, NOTHING).activities] == [AT + 2 * HOUR, AT + HOUR]


@pytest.mark.parametrize(
    ("data", "topics", "title"),
    [
        ({"topics": ["料金", "導入", "料金"], "asset": "wp-1"}, ["導入", "料金"], "料金のご案内"),
        ({"topics": [], "asset": "wp-1"}, ["価格"], "料金のご案内"),
        ({"asset": "wp-1", "title": "題名"}, ["価格"], "題名"),
        ({"title": "料金のご案内"}, ["価格"], "料金のご案内"),
        ({"asset": "wp-2"}, [], "wp-2"),
        ({}, [], None),
    ],
)
def test_topics_as_told_else_as_registered(data: dict[str, Any], topics: list[str], title: str | None) -> None:
    contents = Contents({"wp-1": "料金のご案内"}, {"wp-1": "価格", "料金のご案内": "価格"})
    found = past([read(1, 0, **data)], contents)
    assert sorted(topic.name for topic in found.topics) == topics
    assert found.activities[0].title == title


def test_topics_by_how_often_then_how_lately() -> None:
    told = [
        read(1, 1, topics=["導入"]),
        read(2, 2, topics=["料金"]),
        read(3, 3, topics=["料金"]),
        read(4, 4, topics=["SEO"]),
    ]
    found = past(told, NOTHING).topics
    assert [(topic.name, topic.times) for topic in found] == [("料金", 2), ("SEO", 1), ("導入", 1)]


def test_touches_are_by_people_and_stand() -> None:
    told = [
        call(1, 1, by="田中", outcome="不在"),
        call(2, 2, automated=True),
        call(3, 3, record="call:3"),
        event(4, EventKind.RETRACTED, 4, "call:3"),
        call(5, 5, subject="090-1234-5678 へ", channel="email"),
        event(6, EventKind.STATUS, 6, status="working", raw="Working"),
    ]
    found = [(t.channel, t.by, t.result) for t in past(told, NOTHING).touches]
    assert found == [("email", None, "… へ"), ("call", "田中", "不在")]


# --- how complete


FULL = Known(
    company="山田製作所", name="佐藤", source="展示会", activities=True, topics=True,
    attributes={"industry": "製造", "phone": "03"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("known", "missing"),
    [
        (FULL, ()),
        (Known(), Wanted().fields),
        (Known(company=" ", name="佐藤"), ("company", *Wanted().fields[2:])),
        (Known(attributes={"携帯電話": "090"}), Wanted().fields[:-1]),
        (Known(attributes={"phone": "", "phone_known": False, "telework": "x"}), Wanted().fields),
        (Known(attributes={"phone_known": True, "industry": 0}), ("company", "name", "source", "activities", "topics")),
    ],
)
def test_what_is_missing_is_named(known: Known, missing: tuple[str, ...]) -> None:
    found = score(Wanted(), known)
    assert (found.missing, found.present) == (missing, 7 - len(missing))


def test_many_briefs() -> None:
    found = completeness(3, Wanted(fields=("company", "topics")), [FULL, Known(company="x"), Known()], Share(1, 2))
    assert (found.version, found.mqls, found.average, found.complete) == (3, 3, 0.5, Share(1, 3))
    assert (found.missing, found.helpful) == ((("topics", 2), ("company", 1)), Share(1, 2))
    none = completeness(0, Wanted(), [], Share(0, 0))
    assert (none.mqls, none.average, none.complete, none.missing) == (0, None, Share(0, 0), ())


@pytest.mark.parametrize(
    ("fields", "place", "code"),
    [
        (("company", "topcis"), ("fields", 1), "brief_field"),
        (("attribute:",), ("fields", 0), "brief_field"),
        (("attribute: ",), ("fields", 0), "brief_field"),
        (("attribute:a\x00",), ("fields", 0), "one_line"),
        (("company", "company"), ("fields",), "brief_field_twice"),
        ((), ("fields",), "brief_fields_needed"),
        (("attribute:" + "x" * 200,), ("fields", 0), "string_too_long"),
        (tuple(f"attribute:{n}" for n in range(31)), ("fields",), "too_long"),
    ],
)
def test_fields_that_cannot_be_wanted(fields: tuple[str, ...], place: tuple[Any, ...], code: str) -> None:
    with pytest.raises(ValidationError) as raised:
        Wanted(fields=fields)
    assert [(error["loc"], error["type"]) for error in raised.value.errors()] == [(place, code)]
