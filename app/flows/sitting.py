"""What is done in a meeting beyond noting it: deciding about the SLA, and making a task an action item."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from app.domain.refusals import refused
from app.domain.run import Entry, ReviewOutcome, Said
from app.flows import audit, record, reviews
from app.flows.actions import Origin, Person
from app.flows.reviews import Wish


def decide(c: Connection, person: Person, key: str, number: int, said: Entry, wish: Wish | None) -> tuple[Entry, int]:
    """The decision, and the number of what it proposes for the SLA, or 0. Raises Refused, NoSuchMeeting."""
    if wish is None:
        if said.data.get("sla") == ReviewOutcome.CHANGE:
            raise refused(
                "/sla_change", "needed", "Say what changes: policy, fields, from when, and when to review it."
            )
        return record.say(c, person, key, number, said), 0
    agreed = reviews.check(c, wish, person.today)
    outcome = said.data.get("sla") or ReviewOutcome.CHANGE.value
    entry = record.say(c, person, key, number, replace(said, data={"sla": outcome}))
    found = record.read(c, key, number, person.now)
    proposal = reviews.propose(c, found.row.id, entry.id, wish, agreed)
    after = {"policy": wish.policy, "effective_on": wish.effective_on.isoformat(), "meeting": number}
    audit.write(
        c, person.now, by=person.by, action="proposal.made", subject=f"proposal:{proposal}", before=None, after=after
    )
    return entry, proposal


def take(c: Connection, person: Person, origin: Origin, task: int, action: int) -> None:
    """That action item is what the meeting's task became. Raises Refused, NoSuchMeeting."""
    if origin.meeting_number is None:
        raise refused("/meeting", "needed", "Say which meeting the task is of.")
    found = record.read(c, origin.series_key, origin.meeting_number, person.now, lock=True)
    if task not in {entry.id for entry in found.run.open_tasks}:
        raise refused("/task", "unknown", "This meeting has no such open task.")
    data = {"entry": task, "action": action}
    record.write(c, found.row.id, Entry(0, person.now, person.by, Said.TAKEN, data=data))
