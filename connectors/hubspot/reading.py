"""What the notifications of one delivery mean together: events, and questions for the API where they are too thin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.contract import CanonicalEvent, EventKind, Lookup, Outcome, Parsed, Problem
from connectors.hubspot.changes import Change, event_of
from connectors.hubspot.config import HubSpotConfig
from connectors.hubspot.contacts import appearance
from connectors.hubspot.notifications import Notification, notifications_of
from connectors.hubspot.wire import record_id
from connectors.wire import flag, milliseconds

#: Deal properties that make the deal worth another look.
DEAL_PROPERTIES = {"dealstage", "amount", "dealname"}
ENGAGEMENTS = ("call", "email", "meeting", "task")
ASKED_ABOUT = {"deal", *ENGAGEMENTS}


@dataclass(slots=True)
class Reading:
    """What has been understood of one delivery so far."""

    config: HubSpotConfig
    parsed: Parsed = field(default_factory=Parsed)
    #: Contact → its properties that this delivery brought.
    told: dict[str, dict[str, str]] = field(default_factory=dict)
    #: (object, id) → the account: one question per record, however many notifications name it.
    questions: dict[tuple[str, str], str] = field(default_factory=dict)
    #: (object, id) → what became of it last: (when, deletion or restore).
    fates: dict[tuple[str, str], tuple[datetime, str]] = field(default_factory=dict)
    #: Contacts that live on under another id: the deletion of the old one is no deletion.
    merged: set[str] = field(default_factory=set)
    #: Contacts whose data somebody asked HubSpot to erase: nothing else is told of them, and nothing is asked.
    erased: set[str] = field(default_factory=set)
    #: (object, id) → contact → what became of their tie last: (when, tied or untied).
    ties: dict[tuple[str, str], dict[str, tuple[datetime, str]]] = field(default_factory=dict)

    def tell(self, said: Notification, kind: EventKind, data: dict[str, Any], *others: str) -> None:
        lead = self.config.lead(said.record, *others)
        self.parsed.events.append(CanonicalEvent(said.key, kind, said.at, lead, data))

    def is_silent_about(self, said: Notification) -> bool:
        """That somebody was erased, and under which ids, is told; what they were called and did is not."""
        about_them = said.subject == "contact" and said.record in self.erased
        return about_them and said.verb not in ("merge", "privacyDeletion")

    def ask_about(self, subject: str, record: str, said: Notification) -> None:
        self.questions[subject, record] = said.text("portalId")


def read(body: bytes, config: HubSpotConfig) -> Parsed:
    """Events, questions and problems of one delivery. Never raises."""
    reading = Reading(config)
    found = list(notifications_of(body, config.portal_id))
    reading.parsed.problems = [problem for problem in found if isinstance(problem, Problem)]
    understood = [said for said in found if isinstance(said, Notification)]
    for said in understood:
        remember(said, reading)
    for said in understood:
        if not reading.is_silent_about(said):
            READERS.get((said.subject, said.verb), nothing_new)(said, reading)
    reading.parsed.lookups = [lookup(*question, reading) for question in reading.questions]
    return reading.parsed


def remember(said: Notification, reading: Reading) -> None:
    """What the reading of one notification needs to know of its neighbours."""
    if (said.subject, said.verb) == ("contact", "propertyChange"):
        reading.told.setdefault(said.record, {})[said.text("propertyName")] = said.text("propertyValue")
    if said.verb == "privacyDeletion":
        reading.erased.add(said.record)
    if said.verb == "merge":
        reading.merged |= {*said.former_ids()} - {said.record}
    if said.verb in ("deletion", "restore"):
        known = reading.fates.get((said.subject, said.record))
        reading.fates[said.subject, said.record] = max(known or (said.at, said.verb), (said.at, said.verb))


def lookup(subject: str, record: str, reading: Reading) -> Lookup:
    """Names what the delivery already told, so that the answer does not tell it again with another time."""
    told = sorted(reading.told.get(record, ())) if subject == "contact" else []
    at, fate = reading.fates.get((subject, record), (None, ""))
    context = {"portal": reading.questions[subject, record], "told": ",".join(told)}
    if at and subject in ENGAGEMENTS:
        context[fate] = str(milliseconds(at))
    for contact, (tied_at, tie) in sorted(reading.ties.get((subject, record), {}).items()):
        context[tie] = f"{context.get(tie, '')} {contact}:{milliseconds(tied_at)}".strip()
    filled = tuple((name, value) for name, value in context.items() if value)
    # Without a credential a contact is known by its id and by what webhooks tell; calls and deals belong to nobody,
    # so there is nothing that the deletion of one could take back.
    takes_back = "deletion" in context or "untied" in context
    return Lookup(subject, record, filled, optional=subject == "contact" or takes_back)


def contact_appeared(said: Notification, reading: Reading) -> None:
    appeared = appearance(said.record, said.at, reading.config, said.text("portalId"))
    if appeared:
        reading.parsed.events.append(appeared)
    reading.ask_about("contact", said.record, said)


def contact_came_back(said: Notification, reading: Reading) -> None:
    reading.tell(said, EventKind.DISPOSITION, {"outcome": Outcome.RESTORED})
    reading.ask_about("contact", said.record, said)


def contact_changed(said: Notification, reading: Reading) -> None:
    found = event_of(change_of(said, reading), reading.config)
    if isinstance(found, Problem):
        reading.parsed.problems.append(found)
    elif found:
        reading.parsed.events.append(found)
    if found or said.text("propertyName") in ("firstname", "lastname"):
        reading.ask_about("contact", said.record, said)


def change_of(said: Notification, reading: Reading) -> Change:
    return Change(
        contact=said.record,
        name=said.text("propertyName"),
        value=said.text("propertyValue"),
        at=said.at,
        sources=(said.text("changeSource"), said.text("sourceId")),
        place=f"{said.place}.propertyValue",
        beside=reading.told[said.record],
    )


def contact_merged(said: Notification, reading: Reading) -> None:
    """One lead event that carries all ids links them."""
    url = reading.config.record_url(said.text("portalId"), said.record)
    reading.tell(said, EventKind.LEAD, url, *said.former_ids())
    reading.ask_about("contact", said.record, said)


def contact_deleted(said: Notification, reading: Reading) -> None:
    if said.record not in reading.merged:
        reading.tell(said, EventKind.DISPOSITION, {"outcome": Outcome.EXCLUDED, "reason": "deleted"})


def contact_erased(said: Notification, reading: Reading) -> None:
    reading.tell(said, EventKind.DISPOSITION, {"outcome": Outcome.EXCLUDED, "reason": "privacy"})


def deal_changed(said: Notification, reading: Reading) -> None:
    if said.text("propertyName") in DEAL_PROPERTIES:
        reading.ask_about("deal", said.record, said)


def record_appeared(said: Notification, reading: Reading) -> None:
    reading.ask_about(said.subject, said.record, said)


def associated(said: Notification, reading: Reading) -> None:
    """A deal or an engagement is tied to its contact a moment after its creation, so it is asked about again. An
    engagement that is taken off a contact was logged on the wrong one."""
    (near, far), to = said.ends(), record_id(said.entry.get("toObjectId"))
    other, record, contact = (near, said.record, to) if far == "contact" else (far, to, said.record)
    removed = flag(said.entry.get("associationRemoved"))
    if "contact" not in (near, far) or record is None or other not in (ENGAGEMENTS if removed else ASKED_ABOUT):
        return
    if contact and other in ENGAGEMENTS:
        ties, tie = reading.ties.setdefault((other, record), {}), (said.at, "untied" if removed else "tied")
        ties[contact] = max(ties.get(contact, tie), tie)
    reading.ask_about(other, record, said)


def nothing_new(_: Notification, __: Reading) -> None:
    """Understood, and without meaning for a lead: a deleted deal was an opportunity all the same."""


READERS: dict[tuple[str, str], Callable[[Notification, Reading], None]] = {
    ("contact", "creation"): contact_appeared,
    ("contact", "restore"): contact_came_back,
    ("contact", "propertyChange"): contact_changed,
    ("contact", "merge"): contact_merged,
    ("contact", "deletion"): contact_deleted,
    ("contact", "privacyDeletion"): contact_erased,
    ("deal", "propertyChange"): deal_changed,
    ("deal", "merge"): record_appeared,
    **{(subject, verb): record_appeared for subject in sorted(ASKED_ABOUT) for verb in ("creation", "restore")},
    **{(subject, verb): record_appeared for subject in ENGAGEMENTS for verb in ("propertyChange", "deletion")},
    **{(subject, "associationChange"): associated for subject in ("object", "contact", *sorted(ASKED_ABOUT))},
}
