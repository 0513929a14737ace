"""A calendar's year at a glance, and a form that shows which deadlines a change moves."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.domain.calendar import Calendar, ClockKind, japanese_office
from app.flows import lists, policies, publish, sources, sweep
from app.models import CalendarVersion, Handoff
from app.pages import calendar_year
from connectors.standard.connector import StandardConfig, proof_of
from tests.pages.test_pages import text_of
from tests.pages.test_policy_editor import form_of, heard

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PAGE = "/calendars/default"


@pytest.fixture
def page(sign_in_as):
    return sign_in_as("admin")


def newest(state: Any) -> Calendar:
    with state.database.read() as c:
        return policies.newest_calendar(c, "default")[2]


def count(state: Any) -> int:
    with state.database.read() as c:
        return c.scalar(select(func.count()).select_from(CalendarVersion))


# --- the year


@on_sqlite
def test_every_day_of_the_year_says_what_it_is(page) -> None:
    shown = page.get(PAGE, params={"year": "2026", "lang": "ja"}).text
    assert shown.count("<caption>") == 12
    said = text_of(shown)
    assert "● 21 敬老の日 ● 22 国民の休日 ● 23 秋分の日" in said
    assert 'class="day weekly">5<span class="mark" aria-hidden="true">–</span><span class="unseen">定休日' in shown


def test_a_year_in_days() -> None:
    days = {"2026-12-29": "年末休業", "2026-12-30": ""}
    document = japanese_office().model_dump() | {
        "holidays": {"2026-01-01": "元日"},
        "company_days": days,
        "extra_days": {"2026-10-03": ["09:00-12:00"]},
    }
    year = calendar_year.year_of(Calendar.model_validate(document), 2026, date(2026, 9, 18))
    told = {day.on: day for month in year.months for week in month.weeks for day in week if day}
    assert len(told) == 365
    assert [told[date(2026, *day)].kind.name for day in ((1, 1), (12, 29), (10, 3), (10, 4), (10, 5))] == [
        "holiday",
        "company",
        "extra",
        "weekly",
        "open",
    ]
    assert (told[date(2026, 12, 30)].name, told[date(2026, 10, 3)].name) == ("company holiday", "09:00-12:00")
    assert year.working_days == 261 - 3 + 1


@on_sqlite
@pytest.mark.parametrize(
    ("year", "said"),
    [("2026", ""), ("2028", "計算による見込み"), ("2190", "登録されていません")],
)
def test_years_of_which_less_is_known_say_so(page, year, said) -> None:
    shown = page.get(PAGE, params={"year": year}).text
    assert said in shown
    assert ("▲" in shown) is bool(said)


@on_sqlite
@pytest.mark.parametrize("year", ["", "x", "0", "1969", "99999"])
def test_another_year_is_this_one(page, year) -> None:
    assert 'id="year">2026' in page.get(PAGE, params={"year": year}).text


@on_sqlite
def test_calendars_are_listed_with_who_uses_them(page) -> None:
    said = text_of(page.get("/calendars").text)
    assert "default v1" in said
    assert "月–金 09:00-18:00" in said
    assert "使用中の合意 MQL 24時間" in said
    assert page.get("/calendars/none").status_code == 404
    assert 'href="/calendars"' in page.get("/sla").text
    assert 'href="/calendars"' in page.get("/settings").text


@on_sqlite
def test_who_may_not_change_it_sees_no_form(sign_in_as) -> None:
    assert 'name="weekly-mon"' not in sign_in_as("manager").get(PAGE).text
    assert 'name="weekly-mon"' in sign_in_as("admin").get(PAGE).text


# --- publishing


def test_publishing_counts_from_now_on(page, state) -> None:
    typed = form_of(page.get(PAGE).text)
    assert (typed["weekly-mon"], typed["weekly-sun"], typed["country"], typed["based_on"]) == (
        "09:00-18:00",
        "",
        "JP",
        "1",
    )
    typed |= {"weekly-fri": "09:00-12:00、13:00-17:00", "weekly-sat": "10:00-12:00"}
    typed |= {"company_days": "2026-12-29 年末休業\n\n2026-12-30", "extra_days": "2026-10-04 10:00-12:00,13:00-15:00"}
    answer = page.post(PAGE, data=typed | {"as": "publish"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    calendar = newest(state)
    assert (calendar.weekly["fri"], calendar.weekly["sat"]) == (["09:00-12:00", "13:00-17:00"], ["10:00-12:00"])  # type: ignore[index]
    assert calendar.company_days == {date(2026, 12, 29): "年末休業", date(2026, 12, 30): "company holiday"}
    assert calendar.extra_days == {date(2026, 10, 4): ["10:00-12:00", "13:00-15:00"]}
    assert calendar.holidays[date(2026, 9, 21)] == "敬老の日"
    with state.database.read() as c:
        version = lists.policy_versions(c, state.versions.read(c))[-1].version
    assert (version.version, version.calendar_version) == (2, 2)


@on_sqlite
def test_the_form_as_it_stands_makes_no_version_but_for_public_holidays_of_a_new_year(page, state) -> None:
    for _ in range(2):
        page.post(PAGE, data=form_of(page.get(PAGE).text) | {"as": "publish"})
        assert count(state) == 2


@on_sqlite
def test_another_country_has_other_holidays(page, state) -> None:
    typed = form_of(page.get(PAGE).text)
    page.post(PAGE, data=typed | {"country": "", "as": "publish"})
    assert (newest(state).country, newest(state).holidays) == (None, {})
    again = form_of(page.get(PAGE).text) | {"country": "us", "as": "publish"}
    page.post(PAGE, data=again)
    assert newest(state).country == "US"
    assert date(2026, 9, 21) not in newest(state).holidays


@on_sqlite
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weekly-mon", "9 to 5"),
        ("weekly-tue", "18:00-09:00, 09:00-10:00"),
        ("time_zone", "Moon/Base"),
        ("country", "Atlantis"),
        ("company_days", "29.12.2026 Pause"),
        ("company_days", "2026-13-01 Pause"),
        ("company_days", "2026-12-29 a\n2026-12-29 b"),
        ("extra_days", "2026-10-03"),
        ("extra_days", "2026-10-03 morgens"),
    ],
)
@pytest.mark.parametrize("button", ["preview", "publish"])
def test_what_is_wrong_stands_beside_its_field(page, state, field, value, button) -> None:
    answer = page.post(PAGE, data=form_of(page.get(PAGE).text) | {field: value, "as": button})
    assert answer.status_code == 422
    assert f'id="calendar-{field}-wrong1"' in answer.text
    assert value in answer.text
    assert count(state) == 1


@on_sqlite
def test_a_week_without_hours_is_refused(page) -> None:
    typed = {name: "" if name.startswith("weekly") else value for name, value in form_of(page.get(PAGE).text).items()}
    answer = page.post(PAGE, data=typed)
    assert (answer.status_code, 'id="calendar-weekly-mon-wrong1"' in answer.text) == (422, True)
    assert page.post(PAGE, data={}).status_code == 422


# --- what it would do


@pytest.fixture
def running(page, state, clock):
    """An MQL of Friday 16:00, due after nine business hours: on Thursday at 16:00."""
    with state.database.write() as c:
        secret = sources.new_secret()
        sources.add(c, state.vault, name="ma", kind="standard", config={}, secret=secret, now=clock())
        policy = lists.policy_versions(c, state.versions.read(c))[-1].version.policy
    policy = policy.model_copy(update={"clock": ClockKind.BUSINESS_HOURS, "target": 9})
    publish.policy(state.database, state.versions, policy, by="test", now=clock() - timedelta(hours=2))
    state.directory.refresh(clock())
    body = json.dumps(heard("3", 85, "2026-09-18", "山田製作所")).encode()
    assert (
        page.post("/webhooks/ma", content=body, headers=proof_of(body, secret, StandardConfig(), clock())).status_code
        == 202
    )
    state.ledger.drain(clock())
    sweep.run(state.database, state.versions, clock())


def due(state: Any) -> datetime:
    with state.database.read() as c:
        return c.scalars(select(Handoff.due_at)).one()


def test_the_preview_names_the_deadlines_that_change_and_writes_nothing(page, state, running) -> None:
    typed = form_of(page.get(PAGE).text) | {"company_days": "2026-09-24 創立記念日"}
    answer = page.post(PAGE, data=typed | {"as": "preview"})
    assert answer.status_code == 200
    said = text_of(answer.text)
    assert "2026-09-24(創立記念日)" in said
    assert "1件の期限が変わります。" in said
    assert "9/24(木) 16:00 9/25(金) 16:00" in said
    assert "mql: v2 → v3" in said
    assert form_of(answer.text)["company_days"] == "2026-09-24 創立記念日"
    assert (count(state), due(state)) == (1, datetime(2026, 9, 24, 7, tzinfo=UTC))
    page.post(PAGE, data=typed | {"as": "publish"})
    assert due(state) == datetime(2026, 9, 25, 7, tzinfo=UTC)


@on_sqlite
def test_running_clocks_can_be_left_alone(page, state, running) -> None:
    typed = form_of(page.get(PAGE).text) | {"company_days": "2026-09-24 創立記念日", "keep_open": "on"}
    answer = page.post(PAGE, data=typed)
    assert "開始時の版のまま計測を続けます。" in answer.text
    assert form_of(answer.text)["keep_open"] == "on"
    page.post(PAGE, data=typed | {"as": "publish"})
    assert (count(state), due(state)) == (2, datetime(2026, 9, 24, 7, tzinfo=UTC))


# --- two people at once


@pytest.mark.parametrize("button", ["preview", "publish"])
def test_who_published_meanwhile_is_not_overwritten(page, state, clock, button) -> None:
    typed = form_of(page.get(PAGE).text) | {"weekly-fri": "09:00-15:00"}
    clock.advance(timedelta(minutes=1))
    theirs = newest(state).model_copy(update={"company_days": {"2026-12-29": "年末休業"}})
    publish.calendar(state.database, state.versions, theirs, by="mari@example.com", now=clock())
    answer = page.post(PAGE, data=typed | {"as": button})
    assert answer.status_code == 409
    said = text_of(answer.text)
    assert "編集中にmari@example.comさんがv2を公開しました" in said
    assert "2026-12-29(年末休業)" in said
    assert "金 09:00-15:00" in said
    again = form_of(answer.text)
    assert (again["weekly-fri"], again["based_on"], count(state)) == ("09:00-15:00", "2", 2)
    assert page.post(PAGE, data=again | {"as": "publish"}, follow_redirects=False).status_code == 303
    assert count(state) == 3
