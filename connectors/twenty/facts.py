"""What Twenty's records say, whether a webhook or the API showed them.

twentyhq/twenty, packages/twenty-server/src/modules: person, opportunity, task, note, timeline.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

from connectors.contract import EventKind
from connectors.records import Finding, Lead, Record
from connectors.twenty.config import TwentyConfig
from connectors.twenty.notices import whose
from connectors.wire import at_path, entries, mapping, moment, number, plain

#: Where a task and a note say whom they are about, in the API's answers only.
TARGETS = {"task": "taskTargets", "note": "noteTargets"}
#: What the time and the kind of a follow-up are read from; its changes stand in the timeline.
ACTIVITY = {"title": "subject", "createdAt": "recorded at", "createdBy": "automated"}
FIELDS: Mapping[str, Mapping[str, str]] = {
    "person": {"name": "name", "emails": "email", "company": "company"},
    "opportunity": {
        "stage": "state",
        "amount": "amount",
        "name": "name",
        "createdAt": "open since",
        "pointOfContactId": "lead",
    },
    "task": {**ACTIVITY, "status": "done", "assigneeId": "by", "taskTargets": "lead", "timelineActivities": "done at"},
    "note": {**ACTIVITY, "noteTargets": "lead", "createdAt": "occurred at"},
}


def person(seen: Record, config: TwentyConfig) -> Iterator[Finding]:
    lead = seen.person(seen.id, at_path(seen.fields, "emails.primaryEmail"))
    url = f"{config.app_base}/object/person/{seen.id}" if config.app_base else None
    yield from seen.profile(lead, name=full_name(seen.fields.get("name"), config), url=url)
    if company := plain(at_path(seen.fields, "company.name")):  # webhooks hold its id alone: a fact of its own
        yield from seen.fact(EventKind.LEAD, lead, {"company": company})
    if config.owner_field and f"{config.owner_field}Id" in seen.fields:
        yield from seen.owner(lead, seen.fields[f"{config.owner_field}Id"])
    yield from seen.score(lead, seen.fields.get(config.score_field))
    yield from seen.status(lead, seen.fields.get(config.status_field))


def opportunity(seen: Record, config: TwentyConfig) -> Iterator[Finding]:
    """Open since it was made; in its stage since it was last changed, as far as Twenty tells."""
    lead, stage = seen.person(seen.fields.get("pointOfContactId")), seen.text("stage")
    made = moment(seen.fields.get("createdAt"))
    if made:
        yield from seen.opportunity(lead, "open", at=made)
    micros = number(at_path(seen.fields, "amount.amountMicros"))
    amount = None if micros is None else micros / 10**6
    yield from seen.opportunity(lead, state_of(stage, config), stage=stage, amount=amount, title=seen.text("name"))


def task(seen: Record, config: TwentyConfig) -> Iterator[Finding]:
    """Done, it is a follow-up from when it was ticked off, whatever day it was due."""
    if not tells(seen, config):
        return
    channel, assignee = config.channel(seen.fields), mapping(seen.fields.get("assignee"))
    if channel is None or seen.text("status") not in config.done_statuses:
        yield from no_longer(seen, config, "status")
        return
    at, who = done_at(seen, config), seen.text("assigneeId")
    by = config.owners.get(who) or full_name(assignee.get("name"), config) or who
    # What a workflow made counts from when somebody does it; made as done, it was done by nobody.
    automated = is_automated(seen, config) and at == moment(seen.fields.get("createdAt"))
    yield from seen.follow_up(targets(seen), channel, at, by=by, automated=automated, subject=seen.text("title"))


def note(seen: Record, config: TwentyConfig) -> Iterator[Finding]:
    """A log of what was done, from when it was written."""
    if not tells(seen, config):
        return
    channel, made = config.channel(seen.fields), moment(seen.fields.get("createdAt"))
    if channel is None or made is None:
        yield from no_longer(seen, config)
        return
    who = plain(at_path(seen.fields, "createdBy.workspaceMemberId"))
    by = config.owners.get(who) or plain(at_path(seen.fields, "createdBy.name")) or who
    automated, subject = is_automated(seen, config), seen.text("title")
    yield from seen.follow_up(targets(seen), channel, made, by=by, automated=automated, subject=subject)


def tells(seen: Record, config: TwentyConfig) -> bool:
    """Only the API says whom it is about; what a webhook said is asked for."""
    return bool(config.channels) and TARGETS[seen.type] in seen.fields


def targets(seen: Record) -> list[Lead]:
    known = dict.fromkeys(whose(mapping(target)) for target in entries(seen.fields.get(TARGETS[seen.type])))
    return [seen.person(id_) for id_ in known if id_]


# When it was done


def turns(seen: Record) -> Iterator[tuple[datetime, str, Mapping[str, Any]]]:
    """The record's timeline: when, what happened, field → `before` and `after`.

    What one member changes within ten minutes is one entry, from the first change on (timeline-activity.repository).
    """
    for entry in entries(seen.fields.get("timelineActivities")):
        told = mapping(entry)
        at = moment(told.get("createdAt"))
        if at:
            yield at, plain(told.get("name")), mapping(at_path(told, "properties.diff"))


def done_at(seen: Record, config: TwentyConfig) -> datetime:
    """When it was last ticked off; later edits do not move that. The record itself knows its last edit alone."""
    known = list(turns(seen))
    changes = [(at, mapping(diff["status"])) for at, _, diff in known if "status" in diff]
    into = [at for at, change in changes if is_done(change, "after", config) and not is_done(change, "before", config)]
    if into:
        return min(max(into), seen.at)
    made = moment(seen.fields.get("createdAt"))
    return made if made and not changes and is_whole(seen) else seen.at


def is_done(change: Mapping[str, Any], side: str, config: TwentyConfig) -> bool:
    return plain(change.get(side)) in config.done_statuses


def is_whole(seen: Record) -> bool:
    """The timeline reaches back to the record's beginning."""
    return any(name == f"{seen.type}.created" for _, name, _ in turns(seen))


def no_longer(seen: Record, config: TwentyConfig, *fields: str) -> Iterator[Finding]:
    """Taken back, if it may ever have been a follow-up."""
    watched = {"title", config.type_field, *fields}
    edited = any(watched & set(diff) for _, name, diff in turns(seen) if not name.endswith(".created"))
    if edited or (not is_whole(seen) and moment(seen.fields.get("createdAt")) != seen.changed_at):
        yield from seen.taken_back_from_all("no follow-up")


def is_automated(seen: Record, config: TwentyConfig) -> bool:
    return plain(at_path(seen.fields, "createdBy.source")) in config.automated_sources


def full_name(name: object, config: TwentyConfig) -> str:
    parts = [plain(mapping(name).get(part)) for part in ("firstName", "lastName")]
    return " ".join(part for part in (reversed(parts) if config.family_name_first else parts) if part)


def state_of(stage: str, config: TwentyConfig) -> Literal["open", "won", "lost"]:
    if stage in config.won_stages:
        return "won"
    return "lost" if stage in config.lost_stages else "open"


FACTS: Mapping[str, Callable[[Record, TwentyConfig], Iterator[Finding]]] = {
    "person": person,
    "opportunity": opportunity,
    "task": task,
    "note": note,
}
