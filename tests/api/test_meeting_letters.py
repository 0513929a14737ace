"""What a meeting sends: to everybody once, again after a crash, not to whom it no longer concerns, and whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.flows import alerts, preparation
from app.models import Alert, Meeting
from app.notify.contract import TryLater, Undeliverable
from app.notify.email import as_text
from app.pages import papers
from tests.api.board import PEOPLE, START, frozen

#: The last meeting is over, so Thursday's is the next.
DRAFTED = datetime(2026, 9, 17, 2, tzinfo=UTC)
OWED = {"owner": "田中 舞", "due_on": "2026-09-18", "text": "一覧を直す", "done_when": "公開済み"}


class Failing:
    """A mail server that says so until it is mended."""

    def __init__(self, failure: Exception) -> None:
        self.failure: Exception | None = failure
        self.got: list[str] = []

    def deliver(self, message, recipient) -> None:
        if self.failure:
            raise self.failure
        self.got.append(recipient)


def send(board, channel, now: datetime) -> None:
    state = board.office.state
    board.office.clock.now = now
    while alerts.send_owed(state.database, state.versions, {"email": channel}, state.settings, now):
        pass


def states(board) -> dict[str, str]:
    rows = board.office.get("/v1/meetings/4/letters")["items"]
    return {row["recipient"]: row["state"] for row in rows if row["reason"] == "agenda"}


def test_who_is_done_meanwhile_is_not_asked(board) -> None:
    number = board.office.asks("POST", "/v1/actions", json=OWED).json()["id"]
    state = board.office.state
    board.office.clock.now = DRAFTED
    preparation.turn(state.database, state.settings, papers, DRAFTED)
    done = board.office.asks("POST", f"/v1/actions/{number}/done", json={})
    assert done.status_code == 200, done.text
    send(board, board.mail, DRAFTED)
    assert board.mail.got == []
    log = board.office.get("/v1/meetings/4/letters")["items"]
    assert [(row["recipient"], row["state"]) for row in log] == [("tanaka@example.jp", "dropped")]


def test_many_processes_freeze_once_and_everybody_gets_one(board) -> None:
    state = board.office.state
    board.at(DRAFTED)
    share_by = datetime.fromisoformat(board.file()["share_by"])
    board.office.clock.now = share_by
    with ThreadPoolExecutor(4) as processes:
        turns = [processes.submit(preparation.turn, state.database, state.settings, papers, share_by) for _ in range(4)]
    assert sum(turn.result() for turn in turns) == 1
    send(board, board.mail, share_by)
    assert sorted(who for who, _ in board.mail.got) == sorted(person["email"] for person in PEOPLE)
    with state.database.read() as c:
        assert c.scalar(select(func.count()).select_from(Meeting)) == 1


def test_a_sender_that_dies_leaves_the_letter_to_the_next(board) -> None:
    """Claimed, and nobody wrote down that it was sent: after the lease it is sent."""
    board.at(DRAFTED)
    share_by = datetime.fromisoformat(board.file()["share_by"])
    state = board.office.state
    preparation.turn(state.database, state.settings, papers, share_by)

    class Died(BaseException):
        """What ends a process."""

    with pytest.raises(Died):
        send(board, Failing(Died()), share_by)  # type: ignore[arg-type]
    send(board, board.mail, share_by + alerts.LEASE - timedelta(seconds=1))
    held = len(PEOPLE) - len(board.mail.got)
    assert held > 0
    send(board, board.mail, share_by + alerts.LEASE)
    assert sorted(who for who, _ in board.mail.got) == sorted(person["email"] for person in PEOPLE)


def test_what_cannot_be_delivered_says_why_and_is_sent_when_it_can_be(board) -> None:
    board.at(DRAFTED)
    share_by = datetime.fromisoformat(board.file()["share_by"])
    state = board.office.state
    preparation.turn(state.database, state.settings, papers, share_by)
    server = Failing(Undeliverable("the mail server said 550 no such mailbox"))
    send(board, server, share_by)
    assert set(states(board).values()) == {"undeliverable"}
    with state.database.read() as c:
        assert set(c.execute(select(Alert.last_error)).scalars()) == {"the mail server said 550 no such mailbox"}
    server.failure = None
    failed = board.office.get("/v1/alerts", state="undeliverable")["items"]
    for alert in failed:
        assert board.office.asks("POST", f"/v1/alerts/{alert['id']}/retry").status_code == 200
    send(board, server, share_by)
    assert sorted(server.got) == sorted(person["email"] for person in PEOPLE)
    assert set(states(board).values()) == {"sent"}


def test_what_passes_is_tried_again_later(board) -> None:
    board.at(DRAFTED)
    share_by = datetime.fromisoformat(board.file()["share_by"])
    state = board.office.state
    preparation.turn(state.database, state.settings, papers, share_by)
    server = Failing(TryLater("the mail server said 451 later"))
    send(board, server, share_by)
    assert set(states(board).values()) == {"owed"}
    server.failure = None
    send(board, server, share_by + timedelta(hours=1))
    assert set(states(board).values()) == {"sent"}


def test_minutes_are_sent_whole(board) -> None:
    """Whoever was not there has nothing else."""
    frozen(board)
    board.at(START)
    board.does("/start")
    tasks = [f"{number}件目の宿題" for number in range(1, 9)]
    for words in tasks:
        promise = OWED | {"due_on": "2026-10-08", "text": words, "meeting": 4}
        assert board.office.asks("POST", "/v1/actions", json=promise).status_code == 201
    board.does("/close", note="試し")
    board.at(START + timedelta(minutes=1))
    said = [as_text(message, "https://tasuki.example") for _, message in board.mail.got if "議事録" in message.title]
    assert len(said) == len(PEOPLE)
    assert all(words in said[0] for words in tasks)
