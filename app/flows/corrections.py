"""What was said of a meeting put right, by somebody who saw how it read."""

from __future__ import annotations

from sqlalchemy import Connection

from app.domain.refusals import refused
from app.domain.run import Entry, Said
from app.flows import record
from app.flows.actions import Person


class Overtaken(Exception):
    """Somebody else put it right meanwhile; `now` is how it reads."""

    def __init__(self, now: Entry) -> None:
        super().__init__(now.id)
        self.now = now


def correct(c: Connection, person: Person, key: str, number: int, entry: int, text: str, *, seen: str) -> Entry:
    """`seen`: how the entry read to that person. Raises Refused, NoSuchMeeting, Overtaken."""
    standing = _standing(c, person, key, number, entry)
    if standing.text != seen.strip():
        raise Overtaken(standing)
    return record.say(c, person, key, number, Entry(0, person.now, "", Said.CORRECTED, None, text, {"entry": entry}))


def retract(c: Connection, person: Person, key: str, number: int, entry: int, *, seen: str) -> Entry:
    """Take it back. Raises Refused, NoSuchMeeting, Overtaken."""
    standing = _standing(c, person, key, number, entry)
    if standing.text != seen.strip():
        raise Overtaken(standing)
    return record.say(c, person, key, number, Entry(0, person.now, "", Said.RETRACTED, data={"entry": entry}))


def _standing(c: Connection, person: Person, key: str, number: int, entry: int) -> Entry:
    found = record.read(c, key, number, person.now, lock=True)
    for each in found.run.entries:
        if each.id == entry:
            return each
    raise refused("/entry", "unknown", "This meeting has no such entry, or it was taken back.")
