"""The wire is respx; time is a number that only `sleep` moves."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest
import respx

from connectors import asking
from connectors.asking import FAILURES, FIRST_OPEN, LATER, PATIENCE, Again, Circuits, Limiter, ask, rate_key
from connectors.contract import AskFailed

URL = "https://api.example.jp/leads/51?key=query-secret-123"
TOKEN = "pat-jp1-secret-token"


class Time:
    """A clock that stands still until somebody sleeps."""

    def __init__(self) -> None:
        self.at = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(headers={"authorization": f"Bearer {TOKEN}"}) as client:
        yield client


@pytest.fixture
def route() -> Iterator[respx.Route]:
    with respx.mock:
        yield respx.get(URL)


def asked(http: httpx.Client, time: Time, limiter: Limiter | None = None, **how: object) -> httpx.Response:
    limiter = limiter or Limiter(100, 100, clock=time, sleep=time.sleep)
    return ask(http, http.build_request("GET", URL), limiter=limiter, sleep=time.sleep, **how)  # type: ignore[arg-type]


def failed(http: httpx.Client, time: Time, limiter: Limiter | None = None, **how: object) -> AskFailed:
    with pytest.raises(AskFailed) as failure:
        asked(http, time, limiter, **how)
    said = str(failure.value)
    for secret in (TOKEN, "query-secret-123", "leads/51", "https://"):
        assert secret not in said.replace("begin with https://", "")
    assert failure.value.__cause__ is None
    return failure.value


def test_an_answer_is_returned_at_once(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(200, json={"id": "51"})
    assert asked(http, time).json() == {"id": "51"}
    assert time.slept == []


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(500),
        httpx.Response(502),
        httpx.Response(503),
        httpx.Response(429),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("Server disconnected"),
    ],
    ids=lambda trouble: getattr(trouble, "status_code", type(trouble).__name__),
)
def test_passing_trouble_is_tried_again(
    trouble: httpx.Response | Exception, http: httpx.Client, time: Time, route: respx.Route
) -> None:
    route.side_effect = [trouble, trouble, httpx.Response(200)]
    assert asked(http, time).status_code == 200
    first, second = time.slept
    assert 0.25 <= first <= 0.5
    assert 0.5 <= second <= 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_lasting_trouble_is_given_up_for_now(status: int, http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(status)
    assert failed(http, time).retry_after == LATER
    assert route.call_count == 3


def test_lost_connections_say_which_host(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.side_effect = httpx.ConnectError("refused")
    failure = failed(http, time, attempts=2)
    assert str(failure) == "api.example.jp could not be reached (ConnectError)"
    assert (failure.retry_after, route.call_count) == (LATER, 2)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"retry-after": "3"}, 3),
        ({"retry-after": "0"}, 0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after": "Thu, 24 Sep 2026 08:30:04 GMT", "date": "Thu, 24 Sep 2026 08:30:00 GMT"}, 4),
        ({"retry-after": "Thu, 24 Sep 2026 08:29:00 GMT", "date": "Thu, 24 Sep 2026 08:30:00 GMT"}, 0),
        ({"retry-after": "Thu, 01 Jan 2026 00:00:00 GMT"}, 0),
    ],
)
def test_retry_after_is_honoured(
    status: int, headers: dict[str, str], pause: float, http: httpx.Client, time: Time, route: respx.Route
) -> None:
    route.side_effect = [httpx.Response(status, headers=headers), httpx.Response(200)]
    asked(http, time)
    assert time.slept == [pause]


@pytest.mark.parametrize("value", ["soon", "-3", "NaN", "1e9", "٣", "9" * 30, "Thu, 99 Sep 2026 08:30:04 GMT", ""])
def test_nonsense_in_retry_after_is_ignored(value: str, http: httpx.Client, time: Time, route: respx.Route) -> None:
    answer = httpx.Response(429, headers=[(b"retry-after", value.encode())])
    route.side_effect = [answer, httpx.Response(200)]
    asked(http, time)
    assert 0.25 <= time.slept[0] <= 0.5


def test_a_long_retry_after_is_left_to_the_caller(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(429, headers={"retry-after": "120"})
    assert failed(http, time).retry_after == 120
    assert (route.call_count, time.slept) == (1, [])


def test_all_waiting_together_is_bounded(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(429, headers={"retry-after": "4"})
    failed(http, time, attempts=50)
    assert time.slept == [4, 4]
    assert sum(time.slept) <= PATIENCE


def test_whoever_has_less_time_waits_less(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(429, headers={"retry-after": "1"})
    assert failed(http, time, attempts=50, patience=2.5).retry_after == 1
    assert time.slept == [1, 1]
    busy = Limiter(1, 1, clock=time, sleep=time.sleep)
    busy.take(rate_key(http.build_request("GET", URL)))
    assert "as often as it allows" in str(failed(http, time, busy, patience=0.5))


def test_slow_answers_count_as_waiting(http: httpx.Client, time: Time, route: respx.Route) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        time.at += 9.9
        return httpx.Response(500)

    route.side_effect = slow
    failed(http, time)
    assert route.call_count == 1


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (
            httpx.Response(401, json={"message": f"token {TOKEN} expired"}),
            "api.example.jp no longer accepts the credential (401): renew it in the source's settings",
        ),
        (
            httpx.Response(403),
            "api.example.jp does not let the credential read this (403): grant it the permission to read these records",
        ),
        (
            httpx.Response(403, headers={"www-authenticate": 'Bearer error="insufficient_scope", scope="leads calls"'}),
            "api.example.jp does not let the credential read this (403): grant it calls, leads",
        ),
        (
            httpx.Response(
                403,
                json={
                    "category": "MISSING_SCOPES",
                    "errors": [{"context": {"requiredGranularScopes": ["crm.objects.contacts.read", "<b>", 5]}}],
                },
            ),
            "api.example.jp does not let the credential read this (403): grant it crm.objects.contacts.read",
        ),
        (httpx.Response(404), "api.example.jp refused the question (404)"),
        (httpx.Response(302, headers={"location": URL}), "api.example.jp refused the question (302)"),
        (
            httpx.Response(400, json=[{"message": "No such column\n 'Score__c'", "errorCode": "INVALID_FIELD"}]),
            "api.example.jp refused the question (400): No such column 'Score__c'",
        ),
        (
            httpx.Response(400, json={"error": "invalid_grant", "error_description": "authentication failure"}),
            "api.example.jp refused the question (400): authentication failure",
        ),
        (
            httpx.Response(400, json={"message": f"{TOKEN} asked {URL} for yamada@example.co.jp query-secret-123"}),
            "api.example.jp refused the question (400): … asked … for … …",
        ),
        (httpx.Response(400, json={"message": ["no", "text"]}), "api.example.jp refused the question (400)"),
        (httpx.Response(400, text="<html>"), "api.example.jp refused the question (400)"),
        (httpx.Response(400, text="[" * 100_000), "api.example.jp refused the question (400)"),
    ],
)
def test_refusals_say_what_a_person_must_mend(
    response: httpx.Response, reason: str, http: httpx.Client, time: Time, route: respx.Route
) -> None:
    route.return_value = response
    failure = failed(http, time)
    assert (str(failure), failure.retry_after) == (reason, None)
    assert (route.call_count, time.slept) == (1, [])


def test_a_refusal_can_be_an_answer(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(404)
    assert asked(http, time, answers={404}).status_code == 404


def test_an_address_without_scheme_is_not_tried_again(time: Time) -> None:
    limiter = Limiter(1, 1, clock=time, sleep=time.sleep)
    with httpx.Client() as http, pytest.raises(AskFailed, match="must begin with https://") as failure:
        ask(http, http.build_request("GET", "api.example.jp/leads"), limiter=limiter, sleep=time.sleep)
    assert failure.value.retry_after is None


# --- the limiter ------------------------------------------------------------------------------------------------


def test_limiter_lets_a_burst_through_and_then_keeps_the_rate(time: Time) -> None:
    limiter = Limiter(4, 3, clock=time, sleep=time.sleep)
    assert [limiter.take("a") for _ in range(6)] == pytest.approx([0, 0, 0, 0.25, 0.25, 0.25])
    time.at += 0.5
    assert [limiter.take("a") for _ in range(3)] == pytest.approx([0, 0, 0.25])


def test_limiter_refills_no_further_than_the_burst(time: Time) -> None:
    limiter = Limiter(4, 2, clock=time, sleep=time.sleep)
    limiter.take("a")
    time.at += 3600
    assert [limiter.take("a") for _ in range(3)] == pytest.approx([0, 0, 0.25])


def test_limiter_counts_keys_apart_and_forgets_full_buckets(time: Time) -> None:
    limiter = Limiter(1, 1, clock=time, sleep=time.sleep)
    assert [limiter.take(key) for key in "abc"] == [0, 0, 0]
    time.at += 60
    limiter.take("d")
    assert set(limiter._full_at) == {"d"}


def test_limiter_takes_nothing_when_patience_is_short(time: Time) -> None:
    limiter = Limiter(0.1, 1, clock=time, sleep=time.sleep)
    limiter.take("a")
    assert [limiter.take("a", patience=5) for _ in range(3)] == pytest.approx([10, 10, 10])
    assert time.slept == []
    assert limiter.take("a", patience=10) == pytest.approx(10)


def test_limiter_is_safe_between_threads() -> None:
    """No thread really sleeps: the pauses that were dealt out must be those of one queue."""
    dealt: list[float] = []
    limiter = Limiter(10, 5, clock=lambda: 0.0, sleep=lambda _: None)
    threads = [threading.Thread(target=lambda: dealt.extend([limiter.take("a") for _ in range(50)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(dealt) == pytest.approx([max(0, place - 4) / 10 for place in range(400)])


def test_asking_waits_for_its_turn(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(200)
    limiter = Limiter(2, 1, clock=time, sleep=time.sleep)
    asked(http, time, limiter)
    asked(http, time, limiter)
    assert time.slept == [pytest.approx(0.5)]


def test_asking_does_not_queue_for_longer_than_its_patience(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.respond(200)
    limiter = Limiter(1 / 30, 1, clock=time, sleep=time.sleep)
    asked(http, time, limiter)
    failure = failed(http, time, limiter)
    assert str(failure) == "api.example.jp is being asked as often as it allows"
    assert failure.retry_after == pytest.approx(30)
    assert (route.call_count, time.slept) == (1, [])


def test_the_rate_key_tells_accounts_apart_and_holds_no_credential() -> None:
    keys = {
        rate_key(httpx.Request("GET", url, headers={"authorization": token}))
        for url in (URL, "https://other.example.jp/")
        for token in (TOKEN, "another")
    }
    assert len(keys) == 4
    assert not [key for key in keys if TOKEN in key]
    assert rate_key(httpx.Request("GET", URL)) == rate_key(httpx.Request("GET", "https://api.example.jp/other"))


# --- the circuit


def fails(http: httpx.Client, time: Time, account: str = "acme") -> AskFailed:
    with pytest.raises(AskFailed) as failed:
        ask(http, http.build_request("GET", URL), limiter=Limiter(100, 100, clock=time), attempts=1, account=account)
    return failed.value


@pytest.fixture
def circuits(monkeypatch: pytest.MonkeyPatch, time: Time) -> Circuits:
    made = Circuits(time)
    monkeypatch.setattr(asking, "CIRCUITS", made)
    return made


def test_a_tool_that_always_fails_is_left_alone_and_tried_again(
    http: httpx.Client, time: Time, route: respx.Route, circuits: Circuits
) -> None:
    route.mock(return_value=httpx.Response(503))
    for _ in range(FAILURES):
        fails(http, time)
    assert route.call_count == FAILURES
    refused = fails(http, time)
    assert route.call_count == FAILURES
    assert refused.retry_after == FIRST_OPEN
    assert "left alone" in str(refused)
    time.sleep(FIRST_OPEN)
    fails(http, time)
    assert route.call_count == FAILURES + 1
    (line,) = circuits.open_ones()
    assert (line.host, line.again_in) == ("api.example.jp", 2 * FIRST_OPEN)
    assert TOKEN not in repr(line)


def test_one_answer_closes_it(http: httpx.Client, time: Time, route: respx.Route, circuits: Circuits) -> None:
    route.mock(side_effect=[httpx.Response(503)] * FAILURES + [httpx.Response(200)] * 2)
    for _ in range(FAILURES):
        fails(http, time)
    time.sleep(FIRST_OPEN)
    for _ in range(2):
        ask(http, http.build_request("GET", URL), limiter=Limiter(100, 100, clock=time), account="acme")
    assert circuits.open_ones() == []


def test_only_one_question_goes_through_while_nobody_knows(
    http: httpx.Client, time: Time, route: respx.Route, circuits: Circuits
) -> None:
    route.mock(return_value=httpx.Response(503))
    for _ in range(FAILURES):
        fails(http, time)
    time.sleep(FIRST_OPEN)
    (key,) = circuits._lines
    circuits.check(key)
    with pytest.raises(AskFailed, match="left alone"):
        circuits.check(key)


@pytest.mark.usefixtures("circuits")
def test_another_account_and_a_refusal_open_nothing(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.mock(return_value=httpx.Response(503))
    for _ in range(FAILURES):
        fails(http, time, "acme")
    fails(http, time, "other")
    assert route.call_count == FAILURES + 1
    route.mock(return_value=httpx.Response(403))
    for _ in range(2 * FAILURES):
        assert "403" in str(fails(http, time, "other"))


def test_an_error_inside_200_is_judged(http: httpx.Client, time: Time, route: respx.Route) -> None:
    route.mock(side_effect=[httpx.Response(200, json={"errors": [{"code": "606"}]}), httpx.Response(200, json={})])

    def judge(response: httpx.Response) -> None:
        if "errors" in response.json():
            raise Again("too many", 2)

    limiter = Limiter(100, 100, clock=time)
    ask(http, http.build_request("GET", URL), limiter=limiter, judge=judge, sleep=time.sleep)
    assert time.slept == [2]
