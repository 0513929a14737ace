"""What the page says after a form was sent: what was done, about whom, and how it is taken back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from app.domain.agenda import Lead as Person
from app.flows import lists
from app.pages.work_words import DONE

NUMBER = re.compile(r"[0-9]{1,18}")
EVENT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Said:
    #: A key of work_words.DONE.
    done: str
    lead: Person | None
    #: The entry, if it can be taken back.
    event_id: str | None


def said_by(c: Connection, query: Mapping[str, str]) -> Said | None:
    """By the address that a form leads to: `?done=called&lead=512&event=…`. None: nothing was done, or a made-up
    address says so."""
    done, lead, event_id = (query.get(name, "") for name in ("done", "lead", "event"))
    if done not in DONE or not NUMBER.fullmatch(lead):
        return None
    whom = person(c, int(lead))
    return Said(done, whom, event_id if EVENT.fullmatch(event_id) else None) if whom else None


def person(c: Connection, lead_id: int) -> Person | None:
    try:
        lead = lists.lead(c, lead_id).lead
    except lists.NoSuchLead:
        return None
    return Person(lead.id, lead.name, lead.company)
