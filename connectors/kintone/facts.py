"""What kintone's records say, whether a webhook or the API showed them.

https://cybozu.dev/ja/kintone/docs/overview/field-types
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import MAXYEAR, UTC, datetime, time, timedelta, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from connectors.contract import EMAIL, ExternalId
from connectors.kintone.config import ActivityApp, DealApp, KintoneConfig
from connectors.records import Finding, Lead, Record
from connectors.wire import mail_address, mapping, moment, number, plain

#: Beside the values: type of a system field → its code, which depends on the language that the app was made in.
TYPES = "$types"
#: Fields that every record has → what they are read as.
FIELDS: Mapping[str, Mapping[str, str]] = {
    "lead": {"$id": "lead", "$revision": "revision", "ステータス": "status"},
    "activity": {"$id": "record", "$revision": "revision", "作成日時": "recorded at", "作成者": "by"},
    "deal": {"$id": "opportunity", "$revision": "revision", "作成日時": "open since"},
}
#: Stamps hold no seconds, so the revision orders what changed within one minute; a deletion comes last.
LAST_REVISION, DELETION = 58_000, timedelta(seconds=59)


def flat(record: Mapping[str, Any]) -> dict[str, Any]:
    types = {plain(mapping(field).get("type")): code for code, field in record.items()}
    return {code: mapping(field).get("value") for code, field in record.items()} | {TYPES: types}


def stamp(fields: Mapping[str, Any]) -> datetime | None:
    """When this revision was made, to the minute; within it, by the revision's number. None: the record hides it."""
    at, revision = instant(system_field(fields, "UPDATED_TIME")), number(fields.get("$revision"))
    return at + timedelta(milliseconds=min(max(revision or 0, 0), LAST_REVISION)) if at else None


def instant(value: object, zone: tzinfo = UTC) -> datetime | None:
    """Of a year after which there is another one."""
    at = moment(value, zone)
    return at if at and at.year < MAXYEAR else None


def record_id(value: object) -> str:
    """Empty when it is none."""
    known = plain(value)
    return known if re.fullmatch(r"\d{1,18}", known, re.ASCII) else ""


def system_field(fields: Mapping[str, Any], type_: str) -> Any:
    return fields.get(mapping(fields.get(TYPES)).get(type_, ""))


def word(value: object) -> str:
    """A text or a choice; the first of several choices."""
    return plain(value[0] if isinstance(value, list) and value else value)


def user(value: object) -> tuple[str, str]:
    """Log-in name and name; of several users the first. A text is both."""
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict):
        return plain(first.get("code")), plain(first.get("name"))
    return plain(first), plain(first)


# Whose it is


def link(value: object, config: KintoneConfig) -> tuple[str, str]:
    """Field of the lead app and its value, as a field of another app names a lead; the value is empty if it names none.

    A record number is the id, behind the app's code if that has one: `LEAD-12`.
    """
    if config.lead.key:
        return config.lead.key, plain(value)
    known = re.search(r"(?:^|-)(\d{1,18})$", plain(value), re.ASCII)
    return "$id", known.group(1) if known else ""


def linked(seen: Record, app: ActivityApp | DealApp, config: KintoneConfig) -> Lead:
    field, value = link(seen.fields.get(app.lead), config)
    return by_ids(seen, {field: value}, seen.fields.get(app.email))


def by_ids(seen: Record, values: Mapping[str, str], email: object) -> Lead:
    """Field of the lead app → value."""
    ids = [ExternalId(seen.system if f == "$id" else f"{seen.system}:{f}", value) for f, value in values.items()]
    ids.append(ExternalId(EMAIL, mail_address(email)))
    return tuple(known for known in ids if known.value)


# What they say


def lead(seen: Record, config: KintoneConfig) -> Iterator[Finding]:
    app, fields = config.lead, seen.fields
    ids = {"$id": seen.text("$id")} | ({app.key: seen.text(app.key)} if app.key else {})
    who = by_ids(seen, ids, fields.get(app.email))
    space = f"guest/{config.guest_space}/" if config.guest_space else ""
    url = f"{config.base}/k/{space}{app.app}/show#record={seen.text('$id')}" if config.base else None
    yield from seen.profile(who, name=fields.get(app.name), company=fields.get(app.company), url=url)
    if app.owner in fields:
        login, name = user(fields[app.owner])
        email = login.removeprefix("guest/") if config.logins_are_addresses else None
        yield from seen.owner(who, login, name=name, email=email)
    yield from seen.score(who, fields.get(app.score))
    yield from seen.status(who, word(fields.get(app.status) if app.status else system_field(fields, "STATUS")))


def activity(seen: Record, config: KintoneConfig) -> Iterator[Finding]:
    """What was done with somebody, from when it happened. A plan is none of it, nor is what the lead did."""
    app, fields = config.activity, seen.fields
    who, happened, kind = linked(seen, app, config), happened_at(seen, config), word(fields.get(app.type))
    if app.lead and plain(fields.get(app.lead)) and not who:
        yield seen.wrong(app.lead, "it holds no record number; say in lead.key which field of the lead app it copies")
    try:
        channel = config.channel(kind)
    except KeyError:
        yield seen.wrong(app.type, f"nobody said what {kind!r} is; add it to channels, as none if it is no follow-up")
        return
    if not who or happened is None or channel is None:
        if number(fields.get("$revision")) != 1:
            yield from seen.taken_back_from_all("no follow-up")
        return
    maker, _ = user(system_field(fields, "CREATOR"))
    login, name = user(fields.get(app.by) if app.by else system_field(fields, "CREATOR"))
    yield from seen.follow_up(
        [who],
        channel,
        happened,
        by=config.owners.get(login) or name or login,
        automated=maker in config.automated_users,
        outcome=word(fields.get(app.outcome)),
        subject=fields.get(app.subject),
        recorded_at=instant(system_field(fields, "CREATED_TIME")),
    )


def happened_at(seen: Record, config: KintoneConfig) -> datetime | None:
    """None: not yet. What is ticked off counts from then at the latest, whatever it was planned for."""
    app, made = config.activity, instant(system_field(seen.fields, "CREATED_TIME")) or seen.at
    said = day_or_time(seen.fields.get(app.at), made, seen.at, ZoneInfo(config.zone))
    if app.done:
        done = word(seen.fields.get(app.done)) in app.done_words
        return min(said or seen.at, seen.at) if done else None
    happened = said or made
    return happened if happened <= seen.at else None


def day_or_time(value: object, made: datetime, changed: datetime, zone: ZoneInfo) -> datetime | None:
    """A day without a time counts from its end, or from when it was written down on that very day."""
    first = instant(value, zone)
    if first is None or len(plain(value)) > len("2026-04-01"):
        return first
    end = datetime.combine(first.astimezone(zone), time.max, zone).astimezone(UTC)
    noted = made if made >= first else changed
    return min(noted, end) if noted >= first else first


def deal(seen: Record, config: KintoneConfig) -> Iterator[Finding]:
    """Open since it was made; won or lost since the record says so, as far as kintone tells."""
    app, fields = config.deal, seen.fields
    who, stage = linked(seen, app, config), word(fields.get(app.state))
    made = instant(system_field(fields, "CREATED_TIME"))
    if made:
        yield from seen.opportunity(who, "open", at=made)
    title, amount = fields.get(app.title), fields.get(app.amount)
    yield from seen.opportunity(who, state_of(stage, app), stage=stage, amount=amount, title=title)


def state_of(stage: str, app: DealApp) -> Literal["open", "won", "lost"]:
    if stage in app.won:
        return "won"
    return "lost" if stage in app.lost else "open"


FACTS: Mapping[str, Callable[[Record, KintoneConfig], Iterator[Finding]]] = {
    "lead": lead,
    "activity": activity,
    "deal": deal,
}
