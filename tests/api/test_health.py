"""Health: without a token, without anything personal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, text

from app.models import Heartbeat
from app.scheduler import LATE
from tests.conftest import FRIDAY


def test_a_schema_of_another_version_is_not_ready(client, state) -> None:
    assert client.get("/health/ready").json() == {"status": "ready"}
    with state.database.write() as c:
        c.execute(text("UPDATE alembic_version SET version_num = 'another'"))
    answer = client.get("/health/ready", headers={"Accept-Language": "en"})
    assert (answer.status_code, answer.json()["detail"]) == (503, "The database does not have this program's schema.")


@pytest.mark.parametrize(
    ("lag", "error", "status", "failing"),
    [
        (timedelta(seconds=10), None, "well", False),
        (timedelta(seconds=10), "KeyError: sato@yamada.example", "well", True),
        (LATE, None, "well", False),
        (LATE + timedelta(seconds=1), None, "late", False),
    ],
)
def test_jobs_with_their_lag(client, state, lag, error, status, failing) -> None:
    with state.database.write() as c:
        c.execute(insert(Heartbeat).values(job="sweep", beat_at=FRIDAY - lag, error=error))
    said = client.get("/health").json()
    (job,) = said["jobs"]
    assert (said["status"], job["lag_seconds"], job["failing"]) == (status, lag.total_seconds(), failing)
    assert "sato" not in str(said)


def test_owed_alerts_with_their_age(office) -> None:
    office.becomes_mql()
    office.hours_pass(19)
    office.clock.advance(timedelta(minutes=2))
    assert office.client.get("/health").json()["alerts_owed"] == {"count": 2, "oldest_seconds": 120}
