"""How every connector asks its tool's REST API: at the tool's pace, again when that may help, never for long."""

from __future__ import annotations

import hashlib
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx

from connectors.contract import AskFailed

#: Seconds that one call of `ask` may spend before it begins another try, unless it is told otherwise.
PATIENCE = 10.0
#: What `AskFailed.retry_after` says when the tool named no time itself, in seconds.
LATER = 60.0
FIRST_PAUSE = 0.5
#: So many questions in a row that only time can mend open the circuit; seconds until the next question is let through,
#: doubled each time that one fails, too.
FAILURES, FIRST_OPEN, LONGEST_OPEN = 5, 30.0, 900.0
JITTER = random.SystemRandom()
LOG = logging.getLogger("tasuki.tools")


class Limiter:
    """Tokens per key, refilled at `rate` a second up to `burst`; safe to share between threads."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.interval = 1 / rate
        self.burst = burst
        self.clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        #: Key → the instant at which its bucket is full again; a key that is not here has a full bucket.
        self._full_at: dict[str, float] = {}

    def take(self, key: str, patience: float = float("inf")) -> float:
        """Take one token, sleeping until there is one; the seconds that took.

        When that would be longer than `patience`, nothing is taken and nobody sleeps: the answer is > `patience`.
        """
        pause = self._reserve(key, patience)
        if 0 < pause <= patience:
            self._sleep(pause)
        return pause

    def _reserve(self, key: str, patience: float) -> float:
        with self._lock:
            now = self.clock()
            self._full_at = {known: at for known, at in self._full_at.items() if at > now}
            full_at = self._full_at.get(key, now) + self.interval
            pause = max(0.0, full_at - now - self.burst * self.interval)
            if pause <= patience:
                self._full_at[key] = full_at
            return pause


@dataclass(slots=True)
class _Line:
    """The way to one account of one tool."""

    host: str
    failures: int = 0
    closed_until: float = 0.0
    since: datetime | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OpenCircuit:
    """A tool that is not asked for a while."""

    host: str
    #: When its last answer failed first; aware, UTC.
    since: datetime
    reason: str
    #: Seconds until it is asked again.
    again_in: float


class Circuits:
    """Who is not asked any more for a while, because the last questions all failed; safe to share between threads.

    One question is let through at the end of the pause; the others wait for what becomes of it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}

    def check(self, key: str) -> None:
        """Raises AskFailed while the circuit is open."""
        with self._lock:
            line = self._lines.get(key)
            if line is None or line.failures < FAILURES:
                return
            pause = line.closed_until - self._clock()
            if pause > 0:
                raise AskFailed(f"{line.reason}, {line.failures} times in a row; it is left alone", retry_after=pause)
            line.closed_until = self._clock() + FIRST_OPEN

    def worked(self, key: str) -> None:
        with self._lock:
            self._lines.pop(key, None)

    def failed(self, key: str, host: str, reason: str) -> None:
        with self._lock:
            line = self._lines.setdefault(key, _Line(host, since=datetime.now(UTC)))
            line.failures, line.reason = line.failures + 1, reason
            if line.failures >= FAILURES:
                pause = min(FIRST_OPEN * 2.0 ** min(line.failures - FAILURES, 10), LONGEST_OPEN)
                line.closed_until = self._clock() + pause
                LOG.warning("%s; left alone for %.0f s after %d failures in a row", reason, pause, line.failures)

    def open_ones(self) -> list[OpenCircuit]:
        """For whoever looks after the installation; hosts only, never a credential."""
        with self._lock:
            now = self._clock()
            return [
                OpenCircuit(line.host, line.since or datetime.now(UTC), line.reason, max(0.0, line.closed_until - now))
                for line in self._lines.values()
                if line.failures >= FAILURES
            ]


CIRCUITS = Circuits()


def accept(_: httpx.Response) -> None:
    """Every 2xx is an answer."""


def ask(
    http: httpx.Client,
    request: httpx.Request,
    *,
    limiter: Limiter,
    attempts: int = 3,
    sleep: Callable[[float], object] = time.sleep,
    answers: Collection[int] = (),
    patience: float = PATIENCE,
    judge: Callable[[httpx.Response], None] = accept,
    account: str = "",
) -> httpx.Response:
    """Send the request until it is answered with 2xx or one of `answers` (e.g. 404: the record is gone).

    Lost connections, 429 and 5xx are tried again, `attempts` times in all and no later than `patience` seconds
    after the first; then AskFailed with `retry_after`. Every other refusal is AskFailed without it. How long
    a single try may take is the client's timeout. The request's body must be bytes, so that it can be resent.
    `judge` raises Again or AskFailed for a 2xx that is an error all the same. `account`: who asks, where that is
    more than the request's credential, which may be one of many that follow each other.
    """
    key = rate_key(request, account)
    CIRCUITS.check(key)
    give_up_at = limiter.clock() + patience
    attempt = 0
    while True:
        attempt += 1
        wait_for_turn(limiter, request, key, give_up_at)
        try:
            response = one_try(http, request, answers, judge)
        except Again as again:
            pause = backoff(attempt) if again.after is None else again.after
            if attempt >= attempts or limiter.clock() + pause > give_up_at:
                CIRCUITS.failed(key, request.url.host, str(again))
                raise AskFailed(str(again), retry_after=LATER if again.after is None else again.after) from None
        except AskFailed:
            CIRCUITS.worked(key)  # it was reached, and refused
            raise
        else:
            CIRCUITS.worked(key)
            return response
        sleep(pause)


class Again(Exception):
    """Not answered, but another try may be. `after` is the seconds the tool asked for, if it did."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


def one_try(
    http: httpx.Client,
    request: httpx.Request,
    answers: Collection[int],
    judge: Callable[[httpx.Response], None] = accept,
) -> httpx.Response:
    try:
        response = http.send(request)
    except httpx.UnsupportedProtocol:
        raise AskFailed("the address of the tool's API must begin with https://; check the source") from None
    except httpx.RequestError as error:
        raise Again(f"{request.url.host} could not be reached ({type(error).__name__})") from None
    if not (response.is_success or response.status_code in answers):
        refuse(response)
    if response.is_success:
        judge(response)
    return response


def wait_for_turn(limiter: Limiter, request: httpx.Request, key: str, give_up_at: float) -> None:
    """AskFailed when the tool's own rate limit leaves no turn in time."""
    patience = max(0.0, give_up_at - limiter.clock())
    pause = limiter.take(key, patience)
    if pause > patience:
        raise AskFailed(f"{request.url.host} is being asked as often as it allows", retry_after=pause)


#: Headers that say who asks.
CREDENTIALS = ("authorization", "x-api-key", "x-api-token", "x-cybozu-api-token")


def rate_key(request: httpx.Request, account: str = "") -> str:
    """Tools count per account: the host and who asks, the credential only as a digest."""
    credential = account or "\n".join(request.headers.get(name, "") for name in CREDENTIALS)
    return f"{request.url.host} {hashlib.sha256(credential.encode()).hexdigest()}"


def backoff(attempt: int) -> float:
    """Seconds before the next try: 0.25 to 0.5 after the first, twice as long each time."""
    return FIRST_PAUSE * 2.0 ** (attempt - 1) * JITTER.uniform(0.5, 1)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds the tool asked us to wait: `Retry-After` as a number or as a date by the tool's own clock."""
    value = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", value, re.ASCII):
        return float(value)
    until = http_date(value)
    if until is None:
        return None
    now = http_date(response.headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (until - now).total_seconds())


def http_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def refuse(response: httpx.Response) -> NoReturn:
    """Raise Again where time may mend it, AskFailed where only a person can."""
    host, status = response.request.url.host, response.status_code
    if status == 429:
        raise Again(f"{host} asks for fewer requests (429)", retry_after(response))
    if status >= 500:
        raise Again(f"{host} has trouble of its own ({status})", retry_after(response))
    if status == 401:
        raise AskFailed(f"{host} no longer accepts the credential (401): renew it in the source's settings")
    if status == 403:
        scopes = ", ".join(wanted_scopes(response)) or "the permission to read these records"
        raise AskFailed(f"{host} does not let the credential read this (403): grant it {scopes}")
    raise AskFailed(f"{host} refused the question ({status}){complaint(response)}")


def wanted_scopes(response: httpx.Response) -> list[str]:
    """Scope names that the refusal mentions: RFC 6750's header, or any list in the body whose key says scope."""
    named = re.search(r'\bscope="([^"]*)"', response.headers.get("www-authenticate", ""))
    found = named.group(1).split() if named else scopes_in(body_of(response))
    return sorted({scope for scope in found if re.fullmatch(r"[\w.:/-]{1,80}", scope, re.ASCII)})


def scopes_in(value: Any) -> list[str]:
    if isinstance(value, list):
        return [scope for item in value for scope in scopes_in(item)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, inner in value.items():
        if "scope" in key.lower() and isinstance(inner, list):
            found += [scope for scope in inner if isinstance(scope, str)]
        found += scopes_in(inner)
    return found


def complaint(response: httpx.Response) -> str:
    """`: what the tool said`, at most 200 characters, without addresses and without anything secret we had sent."""
    body = body_of(response)
    first = body[0] if isinstance(body, list) and body else body
    said = first.get("message", first.get("error_description")) if isinstance(first, dict) else None
    if not isinstance(said, str):
        return ""
    said = re.sub(r"https?://\S+|\S+@\S+", "…", said)
    for word in secrets_of(response.request):
        said = said.replace(word, "…")
    return f": {' '.join(said.split())[:200]}"


def secrets_of(request: httpx.Request) -> list[str]:
    """Every word of the headers and every value of the query that is long enough to be a secret."""
    words = [word for value in request.headers.values() for word in re.split(r"[\s,]+", value)]
    return [word for word in (*words, *request.url.params.values()) if len(word) >= 8]


def body_of(response: httpx.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None
