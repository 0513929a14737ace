"""What Pipedrive's records say, whether a webhook or the API showed them.

https://pipedrive.readme.io/docs/webhooks-v2-migration-guide and https://developers.pipedrive.com/docs/api/v1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from connectors.pipedrive.config import PipedriveConfig
from connectors.records import Finding, Lead, Record
from connectors.wire import entries, flag, mapping, moment, plain

State = Literal["open", "won", "lost"]
#: A deal's status → its state, and the stamp of when it became so. A deleted deal is none of them.
STATES: Mapping[str, tuple[State, str]] = {
    "open": ("open", "stage_change_time"),
    "won": ("won", "won_time"),
    "lost": ("lost", "lost_time"),
}
OWNER = "owner_id"
#: Field → what it is read as.
FIELDS = {
    "person": {"name": "name", "emails": "email"},
    "lead": {"person_id": "lead"},
    "activity": {
        "type": "channel",
        "done": "follow-up",
        "marked_as_done_time": "occurred at",
        "add_time": "recorded at",
        "owner_id": "by",
        "subject": "subject",
        "person_id": "lead",
        "participants": "lead",
    },
    "deal": {"status": "state", "stage_id": "stage", "value": "amount", "title": "name", "person_id": "lead"},
}


def flat(data: Mapping[str, Any]) -> dict[str, Any]:
    """The custom fields beside the others. A webhook shows them as `{"type": …, "value": …}`, choices as `{"id": …}`,
    the API as their values alone."""
    own = {key: bare(value) for key, value in mapping(data.get("custom_fields")).items()}
    return {name: value for name, value in data.items() if name != "custom_fields"} | own


def bare(value: object) -> Any:
    return mapping(value).get("value", mapping(value).get("id")) if isinstance(value, dict) else value


def person(seen: Record, config: PipedriveConfig) -> Iterator[Finding]:
    lead = seen.person(seen.id, address_in(seen.fields.get("emails")))
    url = f"{config.app_base}/person/{seen.id}" if config.app_base else None
    yield from seen.profile(lead, name=seen.fields.get("name"), url=url)
    yield from seen.owner(lead, seen.fields.get(config.owner_field))
    yield from seen.score(lead, seen.fields.get(config.score_field))
    yield from seen.status(lead, seen.fields.get(config.status_field))


def inquiry(seen: Record, config: PipedriveConfig) -> Iterator[Finding]:
    """What Pipedrive calls a lead: the request of a person, and whose it is, unless the person's own field says so."""
    if config.owner_field == OWNER:
        yield from seen.owner(seen.person(seen.fields.get("person_id")), seen.fields.get(OWNER))


def activity(seen: Record, config: PipedriveConfig) -> Iterator[Finding]:
    """Done, it is a follow-up from when it was ticked off, whatever it was planned for. Planned, it is none."""
    channel, leads = config.channel(seen.text("type")), participants(seen)
    if channel is None:
        return
    if not flag(seen.fields.get("done")):
        if moment(seen.fields.get("add_time")) != seen.changed_at:
            yield from seen.taken_back(leads, "not done")
        return
    by = seen.text("owner_id")
    yield from seen.follow_up(
        leads,
        channel,
        moment(seen.fields.get("marked_as_done_time")) or seen.at,
        by=by,
        automated=by in config.automated_users,
        subject=seen.fields.get("subject"),
        recorded_at=moment(seen.fields.get("add_time")),
    )


def deal(seen: Record, config: PipedriveConfig) -> Iterator[Finding]:
    known = STATES.get(seen.text("status"))
    if known is None:
        return
    state, stamp = known
    at = moment(seen.fields.get(stamp)) or moment(seen.fields.get("add_time"))
    stage, amount, title = (seen.fields.get(name) for name in ("stage_id", "value", "title"))
    lead = seen.person(seen.fields.get("person_id"))
    yield from seen.opportunity(lead, state, stage=stage, amount=amount, title=title, at=at)


def address_in(emails: object) -> str:
    """The primary address, or the first one."""
    known = [mapping(entry) for entry in entries(emails)]
    best = sorted(known, key=lambda entry: not flag(entry.get("primary")))
    return plain(best[0].get("value")) if best else ""


def participants(seen: Record) -> list[Lead]:
    """Everybody whom the activity was with."""
    others = (mapping(entry).get("person_id") for entry in entries(seen.fields.get("participants")))
    known = dict.fromkeys(plain(one) for one in (seen.fields.get("person_id"), *others))
    return [seen.person(one) for one in known if one]


FACTS: Mapping[str, Callable[[Record, PipedriveConfig], Iterator[Finding]]] = {
    "person": person,
    "lead": inquiry,
    "activity": activity,
    "deal": deal,
}
