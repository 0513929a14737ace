"""What whoever connects an organisation wants to know first: may the API user read everything, and do the names fit?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from connectors.contract import Checked, Problem
from connectors.salesforce import access, soql
from connectors.salesforce.api import Api, Refused
from connectors.salesforce.config import SalesforceConfig
from connectors.salesforce.ids import same_record
from connectors.wire import mapping, plain

ORGANISATION = "SELECT Id, Name FROM Organization LIMIT 1"
STATUSES = "SELECT ApiName FROM LeadStatus ORDER BY SortOrder"
#: Beside the sentence of an object that is nice to have.
WITHOUT = {
    "LeadHistory": "without it a status counts from the last edit of its lead",
    "OpportunityFieldHistory": "without it a stage counts from the last edit of its opportunity",
}


def check(config: SalesforceConfig, credential: str, http: httpx.Client) -> Checked:
    """Raises AskFailed when Salesforce gives no token, or no answer to anybody."""
    api, problems = Api(access.read(credential), http), list[Problem]()
    organisation = next(iter(asked(api, "Organization", ORGANISATION, problems)), {})
    problems += wrong_organisation(plain(organisation.get("Id")), config)
    for kind in soql.OBJECTS:
        question = soql.select(kind, config, f"{soql.stamp(kind)} = LAST_N_DAYS:1")
        asked(api, kind, f"{question} LIMIT 1", problems)
    statuses = [plain(row.get("ApiName")) for row in asked(api, "LeadStatus", STATUSES, problems)]
    account = plain(organisation.get("Name")) or urlsplit(api.credential.instance_url).hostname or ""
    return Checked(account, tuple(problems), tuple(word for word in statuses if word))


def asked(api: Api, kind: str, question: str, problems: list[Problem]) -> list[dict[str, Any]]:
    """The rows; none, and a problem more, where the user may not read them."""
    try:
        return [mapping(row) for row in api.records(question, "query")]
    except Refused as refused:
        failure = refused.refusal.as_failure()
        if refused.refusal.status == 401:
            raise failure from None
        beside = f"; {WITHOUT[kind]}" if kind in WITHOUT else ""
        problems.append(Problem(kind, f"{failure}{beside}"))
        return []


def wrong_organisation(known: str, config: SalesforceConfig) -> Iterator[Problem]:
    wanted = config.organization_id
    if known and wanted and not same_record(known, wanted):
        yield Problem(
            "organization_id", f"the credential belongs to the organisation {known}, organization_id says another"
        )
