"""Attainment of a period: by due date, in the organisation's days, now and as it was known before."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain.policy import default_policy
from app.flows import policies, rebuild, reports, sweep
from app.flows.policies import Cache
from connectors.contract import ExternalId
from tests.conftest import FRIDAY
from tests.flows.conftest import fact, mql

H = timedelta(hours=1)
TOKYO = ZoneInfo("Asia/Tokyo")
#: 18th to 20th of September; what became MQL on Friday at 17:30 is due on the 19th.
WEEKEND = reports.period(date(2026, 9, 18), date(2026, 9, 20), TOKYO)


def person(number: int) -> tuple[ExternalId, ...]:
    return (ExternalId("hubspot", f"r{number}"),)


@pytest.fixture
def read(database):
    def run(now, asked=WEEKEND) -> reports.Report:
        with database.read() as c:
            return reports.report(c, policies.all_versions(c), asked, now)

    return run


def called(number: int, at, known=None):
    return fact("follow_up", at, lead=person(number), channel="call", automated=False, received_at=known or at)


def test_by_due_date_and_with_open_ones(database, apply, read) -> None:
    for number in range(6):
        apply(mql(FRIDAY, lead=person(number)), FRIDAY)
    apply([called(0, FRIDAY + 2 * H)], FRIDAY + 2 * H)
    apply([called(1, FRIDAY + 30 * H)], FRIDAY + 30 * H)
    apply([fact("disposition", FRIDAY + H, lead=person(2), outcome="excluded", reason="invalid")], FRIDAY + H)
    now = FRIDAY + 31 * H
    sweep.run(database, Cache(), now)
    apply(mql(now, lead=person(9)), now)
    found = read(now)
    assert found.counts == reports.Counts(met=1, breached=4, open_overdue=3, not_due=0, voided=1, unknown=0)
    assert (found.counts.attainment.part, found.counts.attainment.whole) == (1, 5)
    assert found.by_version == {("mql", 1): found.counts}
    # Six qualified and count: two were followed up; of all six half are not there yet.
    assert (found.touched.part, found.touched.whole, found.half_after) == (2, 6, None)
    assert read(FRIDAY + 3 * H).counts.not_due == 4
    assert rebuild.check(database, now) == []


def test_days_are_those_of_the_organisation(apply, read) -> None:
    # Due on Saturday at 23:30 and on Sunday at 00:30 in Tokyo; both are Saturday in UTC.
    for number, at in enumerate((FRIDAY + 6 * H, FRIDAY + 7 * H)):
        apply(mql(at, lead=person(number)), at)
    saturday = reports.period(date(2026, 9, 19), date(2026, 9, 19), TOKYO)
    sunday = reports.period(date(2026, 9, 20), date(2026, 9, 20), TOKYO)
    assert [read(FRIDAY + 90 * H, day).counts.breached for day in (saturday, sunday)] == [1, 1]


def test_what_was_shown_and_what_is_known_now(database, apply, read) -> None:
    for number in range(2):
        apply(mql(FRIDAY, lead=person(number)), FRIDAY)
    meeting = FRIDAY + 25 * H
    sweep.run(database, Cache(), meeting)
    shown = read(meeting)
    assert (shown.counts.met, shown.counts.breached, shown.withdrawn) == (0, 2, 0)
    later = meeting + 5 * H
    apply([called(0, FRIDAY + 20 * H, known=later)], later)
    assert read(meeting) == shown, "as it was known then"
    now = read(later)
    assert (now.counts.met, now.counts.breached, now.withdrawn) == (1, 1, 1)
    assert reports.restated(shown, now)
    assert not reports.restated(now, read(later + H))


def test_a_policy_that_is_off_leaves_leads_uncovered(database, apply, read) -> None:
    off = default_policy().model_copy(update={"enabled": False})
    with database.write() as c:
        policies.apply_policy(c, off, by="test", now=FRIDAY, effective_from=FRIDAY - 9 * H)
    apply(mql(FRIDAY, lead=person(1)), FRIDAY)
    apply([fact("score", FRIDAY + H, lead=person(1), score=99)], FRIDAY + H)
    found = read(FRIDAY + 30 * H)
    assert (found.uncovered, found.counts.voided, found.touched.whole) == (1, 1, 0)
    with database.write() as c:
        policies.apply_policy(c, default_policy(), by="test", now=FRIDAY, effective_from=FRIDAY + 2 * H)
    apply([fact("score", FRIDAY + 3 * H, lead=person(1), score=90)], FRIDAY + 3 * H)
    assert read(FRIDAY + 40 * H).counts.breached == 1, "taken up by the new version"
    assert rebuild.check(database, FRIDAY + 3 * H) == []


def test_the_api(client, token, apply, clock) -> None:
    apply(mql(FRIDAY, lead=person(1)), FRIDAY)
    clock.now = FRIDAY + 30 * H
    asked = {"first": "2026-09-18", "last": "2026-09-20", "known_at": "2026-09-18T18:00:00+09:00"}
    said = client.get("/v1/reports/attainment", params=asked, headers=token("read")).json()
    assert said["now"]["counts"]["breached"] == 1
    assert said["then"]["counts"]["not_due"] == 1
    assert said["now"]["counts"]["attainment"]["weight"] == "count_only"
    wrong = client.get("/v1/reports/attainment", params=asked | {"last": "2026-09-01"}, headers=token("read"))
    assert wrong.status_code == 422
