"""A tool's REST API, asked on behalf of one account: at the tool's pace, within a time, with a token that is alive."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from connectors.asking import LATER, Limiter, accept, ask, body_of
from connectors.contract import AskFailed

#: Seconds that one answer may take.
ONE_ANSWER = 15.0
#: Seconds before its end from which an access token is renewed.
SPARE = 60.0
#: Seconds for which a token is kept when the tool does not say how long it is good.
USUAL_LIFE = 50 * 60.0


class Tokens:
    """Access tokens in memory, by the credential's digest, until shortly before they end."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, float]] = {}

    def get(self, digest: str) -> str | None:
        with self._lock:
            token, until = self._known.get(digest, ("", 0.0))
            return token if until > self._clock() else None

    def keep(self, digest: str, token: str, life: float) -> None:
        """`life`: seconds."""
        with self._lock:
            now = self._clock()
            self._known = {known: entry for known, entry in self._known.items() if entry[1] > now}
            self._known[digest] = (token, now + life - SPARE)

    def forget(self, digest: str, token: str) -> None:
        """The tool no longer takes this token; one that another thread has fetched meanwhile stays."""
        with self._lock:
            if self._known.get(digest, ("", 0.0))[0] == token:
                del self._known[digest]


TOKENS = Tokens()


# The credential as it was entered: a token, or JSON with several parts


def parts_of(credential: str, forms: Sequence[Sequence[str]], wanted: str) -> dict[str, str]:
    """The parts of a credential that is a JSON object of texts, with all names of one of the forms.

    Otherwise AskFailed with `wanted`, which says how it must look, and without a word of the credential.
    """
    try:
        given = json.loads(credential)
    except (ValueError, RecursionError):
        raise AskFailed(wanted) from None
    if not isinstance(given, dict) or not all(isinstance(part, str) for part in given.values()):
        raise AskFailed(wanted)
    parts = {name: part.strip() for name, part in given.items() if part.strip()}
    known = {name for form in forms for name in form}
    if strange := sorted(set(parts) - known):
        raise AskFailed(f"the credential has parts that Tasuki does not know ({', '.join(strange)[:80]}); {wanted}")
    if not any(all(name in parts for name in form) for form in forms):
        raise AskFailed(wanted)
    return parts


def host_address(given: str, wanted: str) -> str:
    """`https://host[:port]` without a slash at the end; AskFailed with `wanted` for anything else.

    http is taken for this machine alone: the credential goes there.
    """
    try:
        parts = urlsplit(given.strip().rstrip("/"))
        _ = parts.port
    except ValueError:
        raise AskFailed(wanted) from None
    here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    allowed = parts.scheme == "https" or (parts.scheme == "http" and here)
    if not allowed or not parts.hostname or parts.path or parts.query or parts.username:
        raise AskFailed(wanted)
    return f"{parts.scheme}://{parts.netloc.lower()}"


def digest_of(credential: str) -> str:
    return hashlib.sha256(credential.encode()).hexdigest()


# Asking

ACCEPT = {"Accept": "application/json"}
#: Only with a body: kintone, for one, refuses a GET that names its type.
CONTENT = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Api:
    """For one call of a connector. Raises AskFailed; its sentences hold nothing secret."""

    #: `https://host`, and a path if all questions share one.
    base: str
    http: httpx.Client
    limiter: Limiter
    #: Who asks, for the limit and the circuit: a digest of the credential.
    account: str
    #: The headers that prove it. Called again after `renew`.
    proof: Callable[[], Mapping[str, str]]
    #: After a 401: forget the token; whether another one may help.
    renew: Callable[[], bool] = lambda: False
    #: Raises Again or AskFailed for a 2xx that is an error all the same.
    judge: Callable[[httpx.Response], None] = accept
    #: Seconds that all questions together may take.
    patience: float = 30.0
    began: float = field(default_factory=time.monotonic)

    def get(self, path: str, params: Mapping[str, Any] | None = None, *, gone: Collection[int] = (404,)) -> Any:
        """The JSON; None: there is no such thing (a status in `gone`)."""
        return self._json(self.answer("GET", path, params=params, answers=gone), gone)

    def post(self, path: str, content: Any, *, gone: Collection[int] = ()) -> Any:
        return self._json(self.answer("POST", path, content=json.dumps(content).encode(), answers=gone), gone)

    def answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        answers: Collection[int] = (),
    ) -> httpx.Response:
        """`path`: from `base` on, or a whole URL on the same host."""
        response = self._sent(method, path, params, content, headers or {}, [*answers, 401])
        if response.status_code == 401 and self.renew():
            response = self._sent(method, path, params, content, headers or {}, [*answers, 401])
        if response.status_code == 401:
            raise AskFailed(
                f"{response.request.url.host} no longer accepts the credential (401): renew it in the source's settings"
            )
        return response

    def _sent(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        answers: Collection[int],
    ) -> httpx.Response:
        left = self.began + self.patience - time.monotonic()
        if left <= 0:
            raise AskFailed(f"{urlsplit(self.base).hostname} took too long to answer", LATER)
        request = self.http.build_request(
            method,
            self._url(path),
            params=params,
            content=content,
            headers=as_bytes({**ACCEPT, **({} if content is None else CONTENT), **self.proof(), **headers}),
            timeout=min(ONE_ANSWER, left),
        )
        return ask(
            self.http,
            request,
            limiter=self.limiter,
            answers=answers,
            patience=min(10.0, left),
            judge=self.judge,
            account=self.account,
        )

    def _url(self, path: str) -> str:
        if "://" not in path:
            return self.base + path
        try:
            elsewhere = urlsplit(path)[:2] != urlsplit(self.base)[:2]
        except ValueError:
            elsewhere = True
        if elsewhere:
            raise AskFailed(f"{urlsplit(self.base).hostname} named a place for the rest that is not its own", LATER)
        return path

    def _json(self, response: httpx.Response, gone: Collection[int]) -> Any:
        if response.status_code in gone:
            return None
        body = body_of(response)
        if body is None and response.content.strip():
            raise AskFailed(f"{response.request.url.host} answered something else than JSON; check its address", LATER)
        return body


def as_bytes(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    """A credential with a stray character is then refused by the tool, not by the client."""
    return {name.encode(): value.encode() for name, value in headers.items()}


# Tokens that are fetched


@dataclass(slots=True)
class Grant:
    """An OAuth grant (RFC 6749): a form posted to `url`, answered with `access_token` and `expires_in` seconds."""

    url: str
    form: Callable[[], Mapping[str, str]]
    digest: str
    http: httpx.Client
    limiter: Limiter
    #: How the token stands in the header Authorization.
    scheme: str = "Bearer"
    #: The form goes into the query of a GET, as Marketo wants it.
    by_query: bool = False

    def proof(self) -> dict[str, str]:
        return {"Authorization": f"{self.scheme} {TOKENS.get(self.digest) or self._fetched()}"}

    def renew(self) -> bool:
        TOKENS.forget(self.digest, TOKENS.get(self.digest) or "")
        return True

    def _fetched(self) -> str:
        response = ask(self.http, self._request(), limiter=self.limiter, answers=(400, 401, 403), account=self.digest)
        body = body_of(response)
        token = body.get("access_token") if isinstance(body, dict) else None
        if not response.is_success or not isinstance(token, str) or not token:
            raise AskFailed(no_token(urlsplit(self.url).hostname or "", body))
        TOKENS.keep(self.digest, token, life_of(body))
        return token

    def _request(self) -> httpx.Request:
        if self.by_query:
            return self.http.build_request("GET", self.url, params=dict(self.form()), timeout=ONE_ANSWER)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        content = urlencode(self.form()).encode()
        return self.http.build_request("POST", self.url, content=content, headers=headers, timeout=ONE_ANSWER)


def no_token(host: str, body: Any) -> str:
    """RFC 6749, 5.2: the error is one word; descriptions may repeat what was sent."""
    word = body.get("error") if isinstance(body, dict) else None
    said = f" ({word[:60]})" if isinstance(word, str) and word.isprintable() else ""
    return f"{host} gives no access token for the credential{said}: check its parts in the source's settings"


def life_of(answer: Mapping[str, Any]) -> float:
    """Seconds that the token is good for."""
    try:
        return max(2 * SPARE, float(answer["expires_in"]))
    except (KeyError, TypeError, ValueError):
        return USUAL_LIFE
