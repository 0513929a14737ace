"""What each kind of record is read for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from connectors.contract import CanonicalEvent, Parsed, Problem
from connectors.salesforce import activities, deals, people
from connectors.salesforce.snapshot import NotUnderstood, Snapshot

Readers = tuple[Callable[[Snapshot], CanonicalEvent | None], ...]

#: Kinds of record that an outbound message may hold.
FACTS: Mapping[str, Readers] = {
    "Lead": (people.person, people.status, people.owner, people.score, people.complain_of_address),
    "Contact": (people.person, people.complain_of_address),
    "Task": (activities.task,),
    "Event": (activities.event,),
    "Opportunity": (deals.opened, deals.opportunity),
}
#: Kinds of record that the API may answer with.
ANSWERED: Mapping[str, Readers] = {
    **FACTS,
    "LeadHistory": (people.change,),
    "OpportunityFieldHistory": (deals.stage_change,),
}


def read_facts(seen: Snapshot, place: str, parsed: Parsed, readers: Readers = ()) -> None:
    """Add the record's facts; one that cannot be read becomes a problem and spares the others.

    `readers`: all that its kind has, unless others are named.
    """
    problems: list[Problem] = []
    for read in readers or ANSWERED[seen.record.type]:
        try:
            if event := read(seen):
                parsed.events.append(event)
        except NotUnderstood as error:
            problems.append(problem(place, error))
    parsed.problems += dict.fromkeys(problems)


def problem(place: str, error: NotUnderstood) -> Problem:
    return Problem(f"{place}.{error.field}" if error.field else place, str(error))
