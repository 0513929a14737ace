"""A record of a tool as a webhook or an API showed it, and the facts that it tells.

The keys of facts hold what was said and the record's revision: pushed, polled or sent twice, it is the same fact.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from connectors.contract import EMAIL, CanonicalEvent, EventKind, ExternalId, Lookup, Parsed, Problem, SourceConfig
from connectors.wire import entries, mail_address, milliseconds, moment, number, plain, present, scalar

Lead = tuple[ExternalId, ...]
Finding = CanonicalEvent | Problem | Lookup
Channel = Literal["call", "email", "meeting", "other"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record. Methods that tell facts answer with nothing where the record does not say whose it is."""

    #: The tool's word for the object, e.g. `deal`.
    type: str
    id: str
    fields: Mapping[str, Any]
    #: When the tool last changed it: its revision; aware, UTC. None: the tool does not say.
    changed_at: datetime | None
    #: Aware, UTC.
    received_at: datetime
    config: SourceConfig
    #: The system name of the ids of people in this tool.
    system: str
    #: The tool says that it was deleted.
    deleted: bool = False

    @property
    def at(self) -> datetime:
        """When what it says became true, as far as the tool tells."""
        return self.changed_at or self.received_at

    @property
    def name(self) -> str:
        """What the ledger calls the record."""
        return f"{self.type}:{brief(self.id)}"

    def text(self, field: str) -> str:
        return plain(self.fields.get(field))

    def wrong(self, field: str, reason: str) -> Problem:
        """`reason`: one sentence that says what would mend it."""
        return Problem(f"{self.type} {self.id}: {field}", reason)

    def person(self, id_: object, email: object = None) -> Lead:
        """Whom the tool knows under this id; the address is another id of the same person."""
        address, known = mail_address(email), plain(id_)
        ids = [ExternalId(self.system, known)] if known else []
        return (*ids, ExternalId(EMAIL, address)) if address else tuple(ids)

    # --- who it is

    def profile(self, lead: Lead, *, name: object, company: object = None, url: object = None) -> Iterator[Finding]:
        """Name, company, page in the tool, and the attributes that the source's config names."""
        attributes = {
            word: scalar(self.fields[field]) for field, word in self.config.attributes.items() if field in self.fields
        }
        told = {"name": plain(name), "company": plain(company), "url": plain(url), "attributes": attributes}
        yield from self.fact(EventKind.LEAD, lead, present(told))

    def score(self, lead: Lead, value: object, at: datetime | None = None) -> Iterator[Finding]:
        """Nothing while the field is empty."""
        if value in (None, ""):
            return
        points = number(value)
        if points is None:
            yield self.wrong("score", f"{plain(value, 40)!r} is not a number; choose a number field as the score")
            return
        yield from self.fact(EventKind.SCORE, lead, {"score": points}, at)

    def owner(self, lead: Lead, id_: object, *, name: object = None, email: object = None) -> Iterator[Finding]:
        """Nobody, if the id is empty."""
        known = plain(id_)
        called = self.config.owners.get(known) or plain(name)
        address = mail_address(self.config.owner_emails.get(known)) or mail_address(email)
        yield from self.fact(
            EventKind.OWNER, lead, {"owner": known or None} | present({"name": called, "email": address})
        )

    def status(self, lead: Lead, word: object, at: datetime | None = None) -> Iterator[Finding]:
        """A word that nobody explained is kept as it is, without a meaning."""
        raw = plain(word)
        if raw:
            said = {"status": self.config.status_of(raw), "raw": raw}
            yield from self.fact(EventKind.STATUS, lead, said, at)

    # --- what was done

    def activity(
        self, lead: Lead, word: str, at: datetime, *, key: object, asset: object = None, title: object = None
    ) -> Iterator[Finding]:
        """What the lead did. `key`: the tool's id of it, or whatever else tells it from others."""
        told = {"activity": word} | present({"asset": plain(asset), "title": plain(title)})
        for whose in lead[:1]:
            name = f"{self.type}:{brief(whose.value)}:{digest([word, key])}:{milliseconds(at)}"
            yield CanonicalEvent(name, EventKind.ACTIVITY, at, lead, told)

    def follow_up(
        self,
        leads: Iterable[Lead],
        channel: Channel,
        at: datetime,
        *,
        by: object = None,
        automated: bool = False,
        outcome: object = None,
        subject: object = None,
        recorded_at: datetime | None = None,
    ) -> Iterator[Finding]:
        """What one of ours did, `at` that time, about each of these leads; a later revision of the record replaces
        it."""
        who = self.config.owners.get(plain(by)) or plain(by)
        told = {"channel": channel, "automated": automated} | present(
            {"by": who, "outcome": plain(outcome), "subject": plain(subject)}
        )
        for lead in leads:
            yield from self._revision(EventKind.FOLLOW_UP, lead, told, at, recorded_at)

    def taken_back(self, leads: Iterable[Lead], reason: str) -> Iterator[Finding]:
        """The record is no follow-up, or no longer. One that never was one takes nothing back."""
        for lead in leads:
            yield from self._revision(EventKind.RETRACTED, lead, {"reason": reason}, self.at)

    def taken_back_from_all(self, reason: str) -> Iterator[Finding]:
        """The tool does not say any more whose the record was: the ledger knows from whom it has it."""
        key, said = f"{self.name}:retracted:{milliseconds(self.at)}", {"reason": reason}
        yield CanonicalEvent(key, EventKind.RETRACTED, self.at, (), said, record=self.name, revised_at=self.at)

    def opportunity(
        self,
        lead: Lead,
        state: Literal["open", "won", "lost"],
        *,
        stage: object = None,
        amount: object = None,
        title: object = None,
        at: datetime | None = None,
    ) -> Iterator[Finding]:
        told = {"stage": plain(stage), "amount": number(amount), "name": plain(title)}
        said = {"opportunity": self.id, "state": state} | present(told)
        yield from self.fact(EventKind.OPPORTUNITY, lead, said, at)

    # --- how it is told

    def fact(
        self, kind: EventKind, lead: Lead, said: Mapping[str, Any], at: datetime | None = None
    ) -> Iterator[CanonicalEvent]:
        """`at`: when it became true, where the tool says so; else the time of the revision."""
        happened = at or self.at
        for whose in lead[:1]:
            key = f"{self.name}:{kind}:{digest([whose.value, said])}:{milliseconds(happened)}"
            yield CanonicalEvent(key, kind, happened, lead, dict(said))

    def _revision(
        self, kind: EventKind, lead: Lead, said: Mapping[str, Any], at: datetime, recorded_at: datetime | None = None
    ) -> Iterator[CanonicalEvent]:
        for whose in lead[:1]:
            key = f"{self.name}:{brief(whose.value)}:{kind}:{digest(said)}:{milliseconds(self.at)}"
            yield CanonicalEvent(
                key, kind, at, lead, dict(said), recorded_at, record=self.name, revised_at=self.changed_at
            )


def gone_records(told: Mapping[str, Any]) -> Iterator[Finding]:
    """What `rounds.gone` said: taken back from everybody of whom they were told."""
    at = moment(told.get("at"))
    for name in entries(told.get("records")):
        if at and (known := plain(name)):
            key, said = f"{known}:gone:{milliseconds(at)}", {"reason": "deleted"}
            yield CanonicalEvent(key, EventKind.RETRACTED, at, (), said, record=known, revised_at=at)


def brief(id_: str) -> str:
    """Ids of tools are short; of what somebody else sent in their place the digest is, so that keys stay short."""
    return id_ if len(id_) <= 100 else digest(id_)


def digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def sorted_out(findings: Iterable[Finding]) -> Parsed:
    parsed = Parsed()
    for finding in findings:
        match finding:
            case CanonicalEvent():
                parsed.events.append(finding)
            case Problem():
                parsed.problems.append(finding)
            case Lookup():
                parsed.lookups.append(finding)
    return parsed
