"""Dataverse's Web API v9.2, asked as an application (OAuth client credentials), and how its tables are read.

Changes are found by `modifiedon`: change tracking begins with the whole table, takes no filter and no order, and needs
a switch on each table. It finds deletions where the source wants it (tracking.py); without it deleted activities are
asked for by their ids (`missing`).

https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/page-results
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from connectors.api import Api, Grant, digest_of, host_address, parts_of
from connectors.asking import LATER, Limiter, body_of
from connectors.contract import EMAIL, AskFailed, ExternalId, Lookup
from connectors.dynamics.config import DynamicsConfig
from connectors.dynamics.facts import FIELDS, LOOKUPS, PEOPLE, STAMPS, own_fields
from connectors.dynamics.shapes import TYPE_OF, guid
from connectors.rounds import Answered, Place
from connectors.wire import at_path, entries, mapping, moment, plain

#: Service protection: 6000 requests in five minutes for each user and server.
LIMITER = Limiter(rate=10, burst=20)
#: Rows a page (5000 at most), and ids a question, so that its address stays short.
LIMIT, MOST_IDS = 1000, 50
LOGIN = "https://login.microsoftonline.com"
#: Table → the name of its rows in addresses, and their primary key.
SETS = {
    "lead": ("leads", "leadid"),
    "contact": ("contacts", "contactid"),
    "phonecall": ("phonecalls", "activityid"),
    "email": ("emails", "activityid"),
    "appointment": ("appointments", "activityid"),
    "task": ("tasks", "activityid"),
    "opportunity": ("opportunities", "opportunityid"),
}
DONE = ("phonecall", "email", "appointment", "task")
WANTED = "the credential must be JSON with tenant_id, client_id and client_secret (and login_url for a national cloud)"
HOST = "api_base must be the address of the environment, like https://yamada.crm7.dynamics.com"
ODATA = {"OData-MaxVersion": "4.0", "OData-Version": "4.0"}
Part = tuple[str, Any]


def api(config: DynamicsConfig, credential: str, http: httpx.Client, patience: float) -> Api:
    needed = ("tenant_id", "client_id", "client_secret")
    parts, base = parts_of(credential, [needed, (*needed, "login_url")], WANTED), host_address(config.api_base, HOST)
    login, tenant = host_address(parts.get("login_url", LOGIN), WANTED), parts["tenant_id"]
    if not re.fullmatch(r"[\w.-]+", tenant, re.ASCII):
        raise AskFailed(WANTED)
    client = {name: parts[name] for name in ("client_id", "client_secret")}
    form = client | {"grant_type": "client_credentials", "scope": f"{base}/.default"}
    account = digest_of(base + credential)
    grant = Grant(f"{login}/{tenant}/oauth2/v2.0/token", lambda: form, account, http, LIMITER)
    return Api(f"{base}/api/data/v9.2", http, LIMITER, account, grant.proof, grant.renew, patience=patience)


def asked(
    asking: Api, path: str, params: Mapping[str, Any] | None = None, *, limit: int = LIMIT, tracked: bool = False
) -> dict[str, Any]:
    """The answer; a column that is not there is named."""
    prefer = f'odata.maxpagesize={limit},odata.include-annotations="{TYPE_OF[1:]}"'
    prefer += ",odata.track-changes" if tracked else ""
    response = asking.answer("GET", path, params=params, headers=ODATA | {"Prefer": prefer}, answers=(400,))
    body = body_of(response)
    if response.status_code == 400:
        raise AskFailed(refusal(response.request.url.host, path, plain(at_path(body, "error.message"), 1000)))
    if not isinstance(body, dict):
        raise AskFailed(f"{response.request.url.host} answered something else than JSON; check api_base", LATER)
    return body


def refusal(host: str, path: str, said: str) -> str:
    named = re.search(r"property named '(\w{1,80})' on type '[\w.]*?(\w{1,80})'", said)
    if named:
        return f"the table {named[2]} has no column {named[1]}: correct the source's column names"
    return f"{host} refused the question about {path.partition('?')[0]} (400)"


def selected(table: str, config: DynamicsConfig) -> str:
    columns = dict.fromkeys((SETS[table][1], *STAMPS, *FIELDS[table], *own_fields(table, config)))
    lookups = LOOKUPS | {config.owner_field}
    return ",".join(f"_{name}_value" if name in lookups else name for name in columns)


def stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


# Everything that changed


def page(asking: Api, place: Place, config: DynamicsConfig) -> Answered:
    """Oldest change first, each page from the second of the last one's end: a row that changes meanwhile pushes no
    other one out of sight. Next links are for seconds with more changes than a page holds."""
    at = mapping(place.page)
    since, (name, key) = moment(at.get("since")) or place.reach, SETS[place.object]
    if "next" in at:
        answer = asked(asking, at["next"])
    else:
        within = f"modifiedon ge {stamp(since)} and modifiedon le {stamp(place.until)}"
        order = {"$filter": within, "$orderby": f"modifiedon asc,{key} asc"}
        answer = asked(asking, f"/{name}", {"$select": selected(place.object, config)} | order)
    return Answered(f"{asking.base}/{name}?since={stamp(since)}", rows(answer), following(answer, since))


def rows(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": entries(answer.get("value"))}


def following(answer: Mapping[str, Any], since: datetime) -> dict[str, Any] | None:
    link = answer.get("@odata.nextLink")
    if not isinstance(link, str) or not link:
        return None
    stamps = [moment(mapping(one).get("modifiedon")) for one in entries(answer.get("value"))]
    last = max((at for at in stamps if at), default=since)
    return {"since": stamp(last)} if last > since else {"since": stamp(since), "next": link}


# Single rows


def looked_up(asking: Api, lookups: Sequence[Lookup], config: DynamicsConfig) -> Iterator[Part]:
    for table in SETS:
        ids = [one.object_id for one in lookups if one.object_type == table]
        yield from by_ids(asking, table, ids, selected(table, config))


def by_ids(asking: Api, table: str, ids: Collection[str], columns: str) -> Iterator[Part]:
    """Parts of a page: those of the rows that are there."""
    (name, key), known = SETS[table], [one for one in dict.fromkeys(map(guid, ids)) if one]
    for first in range(0, len(known), MOST_IDS):
        these = " or ".join(f"{key} eq {one}" for one in known[first : first + MOST_IDS])
        yield table, rows(asked(asking, f"/{name}", {"$select": columns, "$filter": these}))


def missing(asking: Api, names: Sequence[str]) -> list[str]:
    """Of these activities those that are gone."""
    there = set()
    for table in DONE:
        ids = [name.partition(":")[2] for name in names if name.startswith(f"{table}:")]
        for _, answer in by_ids(asking, table, ids, "activityid"):
            there |= {f"{table}:{guid(mapping(one).get('activityid'))}" for one in answer["value"]}
    return [name for name in names if name not in there and name.partition(":")[0] in DONE]


def about(
    asking: Api, lead: Sequence[ExternalId], since: datetime, config: DynamicsConfig, system: str, most: int
) -> Iterator[Part]:
    """The lead's own row, and the activities with it that changed since: five questions, two more by address."""
    people = [known for one in lead if one.system == system and (known := guid(one.value))]
    addresses = [one.value for one in lead if one.system == EMAIL]
    some = (people or of_addresses(asking, addresses[:most]))[:most]
    if not some:
        return
    yield from by_ids(asking, "lead", some, selected("lead", config))
    whose = " or ".join(f"_regardingobjectid_value eq {one}" for one in some)
    for table in DONE:
        within = {"$filter": f"({whose}) and modifiedon ge {stamp(since)}"}
        yield table, rows(asked(asking, f"/{SETS[table][0]}", {"$select": selected(table, config)} | within))


def of_addresses(asking: Api, addresses: Sequence[str]) -> list[str]:
    found: list[str] = []
    for table in PEOPLE if addresses else ():
        name, key = SETS[table]
        texts = [address.replace("'", "''") for address in addresses]
        these = " or ".join(f"emailaddress1 eq '{text}'" for text in texts)
        answer = asked(asking, f"/{name}", {"$select": key, "$filter": these})
        found += [guid(mapping(one).get(key)) for one in entries(answer.get("value"))]
    return found
