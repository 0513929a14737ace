"""What most connectors have in common. One of your own may begin here, or fulfil `contract.Connector` by itself."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import quote, unquote, urlsplit

import httpx

from connectors import rounds
from connectors.api import Api
from connectors.contract import (
    Answer,
    AskFailed,
    Checked,
    Lookup,
    Page,
    Parsed,
    Problem,
    Shown,
    SourceConfig,
    Unverified,
    WebhookRequest,
)
from connectors.records import Finding, Record, gone_records, sorted_out
from connectors.rounds import Answered, Place
from connectors.signatures import required, same, usable
from connectors.wire import mapping

Config = TypeVar("Config", bound=SourceConfig)
#: The method of a request that Tasuki made out of a tool's answer.
POLL = "POLL"
HOUR = timedelta(hours=1)


class Tool(Generic[Config]):
    """One tool. Stateless; everything that differs between two sources of a kind is in its config."""

    kind: str
    config_model: type[Config]
    role: str
    answer: Answer = Answer()
    brings_secret: bool = False
    secret_in_url: bool = False
    sends_webhooks: bool = True
    #: The tool's word for an object → what one of its records says. Objects that are not here say nothing.
    facts: Mapping[str, Callable[[Record, Config], Iterable[Finding]]] = {}
    #: The tool's word for an object → field → what it is read as.
    fields: Mapping[str, Mapping[str, str]] = {}
    #: Objects whose records are follow-ups: a deleted one is taken back from everybody of whom it was told.
    activities: Collection[str] = ()

    # --- what it sends

    def verify(self, request: WebhookRequest, secrets: Sequence[str], config: Config, now: datetime) -> None:
        """Raise Unverified unless one of `secrets` proves the request and it is not too old."""
        raise Unverified(f"{self.kind} sends no webhooks; Tasuki asks it by itself")

    def to_store(self, body: bytes) -> bytes:
        """The body as it may be kept; most tools put no credential into it."""
        return body

    def records(self, request: WebhookRequest, config: Config) -> Iterable[Record | Lookup | Problem]:
        """Everything in the body of a webhook, or of an answer that was kept (method POLL).

        Raises ValueError with a sentence when the body as a whole is not understood.
        """
        raise NotImplementedError

    def parse(self, request: WebhookRequest, config: Config) -> Parsed:
        """Never raises on content: what is not understood becomes a Problem."""
        try:
            return sorted_out(self.read(request, config))
        except ValueError as unreadable:
            return Parsed(problems=[Problem("body", str(unreadable))])

    def read(self, request: WebhookRequest, config: Config) -> Iterator[Finding]:
        if request.method == POLL:
            for name, answer in rounds.answers_in(request.body):
                if name == rounds.GONE:
                    yield from gone_records(mapping(answer))
        for seen in self.records(request, config):
            if not isinstance(seen, Record):
                yield seen
            elif seen.deleted:
                yield from self.gone(seen, config)
            elif seen.type in self.facts:
                yield from self.facts[seen.type](seen, config)

    def gone(self, seen: Record, config: Config) -> Iterable[Finding]:
        """What follows from the deletion of a record."""
        return seen.taken_back_from_all("deleted") if seen.type in self.activities else ()

    def system(self, config: Config) -> str:
        """The system name of the ids that it gives its people."""
        return config.system or self.kind

    # --- asking back

    def fetch(self, lookups: Sequence[Lookup], config: Config, credential: str, http: httpx.Client) -> Parsed:
        """Answer lookups through the tool's API, bounded in time. Raises AskFailed."""
        raise AskFailed(f"{self.kind} is not asked back: everything stands in what it sends")

    def check(self, config: Config, credential: str, http: httpx.Client) -> Checked:
        """Ask for a little of everything that the source needs. Raises AskFailed when nothing can be asked at all."""
        raise AskFailed(f"{self.kind} has no API that could be asked")

    # --- for whoever sets the source up

    def sample(self, config: Config, secret: str, url: str, now: datetime) -> WebhookRequest:
        """What the tool would send to `url` now, with a proof made with the secret."""
        raise NotImplementedError

    def shown(self, request: WebhookRequest, config: Config) -> Iterator[Shown]:
        """The records in a request that was verified. Never raises on content."""
        with suppress(ValueError):
            for seen in self.records(request, config):
                if isinstance(seen, Record):
                    yield Shown(seen.type, seen.fields)

    def mapped(self, config: Config) -> Mapping[str, Mapping[str, str]]:
        """Object → field → what Tasuki reads it as, under this configuration."""
        own = self.own_fields(config)
        return {name: {**known, **own.get(name, {})} for name, known in self.fields.items()}

    def own_fields(self, config: Config) -> Mapping[str, Mapping[str, str]]:
        """Object → the fields that the configuration names → what they are read as."""
        return {}


class PolledTool(Tool[Config]):
    """A tool that can be asked for everything that changed."""

    #: The tool's words for what is read, in this order: people before what was done about them.
    objects: Sequence[str] = ()
    #: How much of a long past is read at once, through every object.
    round: timedelta = rounds.ROUND

    def api(self, config: Config, credential: str, http: httpx.Client, patience: float = 30.0) -> Api:
        """The account's API. Raises AskFailed when the credential cannot be right."""
        raise NotImplementedError

    def page(self, api: Api, place: Place, config: Config) -> Answered:
        """One page of the place's object that changed from `place.reach` to `place.until`. Raises AskFailed."""
        raise NotImplementedError

    def start(self, since: datetime) -> dict[str, Any]:
        return rounds.start(since)

    def poll(
        self, cursor: dict[str, Any], until: datetime, config: Config, credential: str, http: httpx.Client
    ) -> Page:
        api = self.api(config, credential, http)
        return rounds.poll(self.objects, cursor, until, lambda place: self.page(api, place, config), longest=self.round)

    def check(self, config: Config, credential: str, http: httpx.Client) -> Checked:
        """A page of what changed in each object within the last hour."""
        api, problems = self.api(config, credential, http), []
        account, now = self.account(api, config), datetime.now(UTC)
        for name in self.objects:
            try:
                self.page(api, Place(now - HOUR, now, name), config)
            except AskFailed as failed:
                problems.append(Problem(name, str(failed)))
        return Checked(account, tuple(problems), tuple(self.statuses(api, config)))

    def account(self, api: Api, config: Config) -> str:
        """Whom the credential speaks for. Raises AskFailed when the tool does not take it."""
        return urlsplit(api.base).hostname or ""

    def statuses(self, api: Api, config: Config) -> Iterable[str]:
        """Every status that a lead may have in the tool, where it tells. Raises AskFailed."""
        return ()


# Proofs of tools that do not sign


def check_url_token(request: WebhookRequest, secrets: Sequence[str]) -> None:
    """`?token=…`: for tools that can send nothing but a URL."""
    known = usable(secrets)
    given = list(query_values(request.url, "token"))
    if not given:
        raise Unverified("the URL holds no ?token=…")
    if not any(same(token, secret) for token in given for secret in known):
        raise Unverified("the token is not one of the source's secrets")


def check_header_token(request: WebhookRequest, secrets: Sequence[str], header: str) -> None:
    """The secret by itself in a header, or behind `Bearer `."""
    token = required(request.headers, header)
    scheme, _, rest = token.partition(" ")
    given = rest.strip() if scheme.lower() == "bearer" else token
    if not any(same(given, secret) for secret in usable(secrets)):
        raise Unverified(f"the token in the header {header} is not the source's secret")


def check_basic(request: WebhookRequest, secrets: Sequence[str]) -> None:
    """HTTP Basic (RFC 7617); the password is the secret, the user name is free."""
    scheme, _, encoded = required(request.headers, "Authorization").partition(" ")
    if scheme.lower() != "basic":
        raise Unverified("the header Authorization must be: Basic, with the secret as the password")
    try:
        password = base64.b64decode(encoded.strip(), validate=True).partition(b":")[2]
    except ValueError:
        raise Unverified("the header Authorization is not Basic as RFC 7617 describes it") from None
    if not any(same(password, secret) for secret in usable(secrets)):
        raise Unverified("the password is not one of the source's secrets")


def query_values(url: str, name: str) -> Iterator[str]:
    """A plus sign stays one: people paste the secret as it is."""
    query = url.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if key == name:
            yield unquote(value)


def with_token(url: str, secret: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}token={quote(secret, safe='')}"


def basic(secret: str, user: str = "tasuki") -> str:
    """The value of the header Authorization."""
    return "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()
