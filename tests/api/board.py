"""A meeting of Thursday 2026-09-24 as its people see it, over REST, with a mailbox for what it sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from app.flows import alerts, preparation
from app.pages import papers

H, DAY = timedelta(hours=1), timedelta(days=1)
#: Thursday 2026-09-24 10:00 in Tokyo; Monday to Wednesday before it are holidays.
START = datetime(2026, 9, 24, 1, tzinfo=UTC)
PEOPLE = [
    {"name": "伊藤 健", "email": "ito@example.jp", "role": "marketing_lead", "duty": "facilitator"},
    {"name": "高橋 誠", "email": "takahashi@example.jp", "role": "sales_lead", "delegate": "mori@example.jp"},
    {"name": "田中 舞", "email": "tanaka@example.jp", "role": "inside_sales", "duty": "note_taker"},
]
SERIES: dict[str, Any] = {
    "name": "連携会議", "weekday": "thu", "time": "10:00", "minutes": 60, "first": "2026-09-03", "attendees": PEOPLE,
}  # fmt: skip


class Mailbox:
    """A channel that keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []

    def deliver(self, message: Any, recipient: str) -> None:
        self.got.append((recipient, message))


class Board:
    """The meeting as its people see it."""

    def __init__(self, office: Any) -> None:
        self.office, self.mail, self.number = office, Mailbox(), 4

    def at(self, moment: datetime) -> None:
        """What happens by itself until then, and what is sent."""
        self.office.clock.now = moment
        state = self.office.state
        preparation.turn(state.database, state.settings, papers, moment)
        while alerts.send_owed(state.database, state.versions, {"email": self.mail}, state.settings, moment):
            pass

    def asks(self, method: str, path: str = "", **given: Any) -> Any:
        return self.office.asks(method, f"/v1/meetings/{self.number}{path}", **given)

    def does(self, path: str, **body: Any) -> Any:
        answer = self.asks("POST", path, **({"json": body} if path != "/start" else {}))
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def says(self, kind: str, text: str = "", **more: Any) -> Any:
        return self.does("/entries", kind=kind, text=text, **more)

    def file(self) -> Any:
        return self.office.get(f"/v1/meetings/{self.number}")

    def marks(self) -> dict[int, str]:
        return {
            point["number"]: point["mark"]
            for point in self.office.get(f"/v1/meetings/{self.number}/checklist")["items"]
        }


def frozen(board: Board) -> None:
    board.at(datetime(2026, 9, 17, 2, tzinfo=UTC))
    board.at(datetime.fromisoformat(board.file()["share_by"]))
