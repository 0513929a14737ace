"""What every connector must withstand. A connector's test module supplies one genuine request and a few flags:

    class TestHubSpotSecurity(SecurityTests):
        connector = CONNECTOR

        def genuine(self, now):
            return WebhookRequest(...signed at `now`...), ["the secret"], HubSpotConfig()

    class TestHubSpotContent(ContentTests):
        connector = CONNECTOR
        config = HubSpotConfig()

Neither base class is collected by itself, because its name does not begin with Test.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.contract import Connector, Parsed, SourceConfig, Unverified, WebhookRequest
from connectors.standard.schema import check_canonical

NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)
WRONG_SECRET = "whsec_d3JvbmctYnV0LXdlbGwtZm9ybWVkLXNlY3JldA=="
GARBAGE = [
    "",
    " ",
    ",",
    "=",
    "山田",
    "é\xff",
    "\x00",
    "\udcff",
    "v1,",
    "v1",
    "v1,山田 v1a,x ,, v1,=,=",
    "-1",
    "0",
    "9" * 400,
    "NaN",
    "1e999",
    "١٢٣",  # digits to int(), but not ASCII
    "Bearer",
    "Bearer ",
    "Bearer 山田",
    "Basic 山田",
    "x" * 70_000,
]

Genuine = tuple[WebhookRequest, Sequence[str], SourceConfig]


class SecurityTests:
    """One genuine request, and what happens when it is not."""

    connector: ClassVar[Connector[Any]]
    #: The proof covers the body: one changed byte must be noticed.
    signs_body: ClassVar[bool] = True
    #: The proof covers a time: old and future requests must be refused.
    signs_time: ClassVar[bool] = True
    tolerance: ClassVar[timedelta] = timedelta(minutes=5)

    def genuine(self, now: datetime) -> Genuine:
        """A request that its sender signed at `now`, the secrets of the source, and its config."""
        raise NotImplementedError

    def without_proof(self, request: WebhookRequest) -> WebhookRequest:
        """Override where the proof is not in the headers."""
        return replace(request, headers={})

    def verify(self, genuine: Genuine, at: datetime = NOW) -> None:
        request, secrets, config = genuine
        assert isinstance(config, self.connector.config_model)
        self.connector.verify(request, secrets, config, at)

    def refused(self, genuine: Genuine, at: datetime = NOW) -> str:
        with pytest.raises(Unverified) as refusal:
            self.verify(genuine, at)
        message = str(refusal.value)
        assert message
        assert not [secret for secret in genuine[1] if secret.strip() and secret in message]
        return message

    def test_genuine_is_accepted(self) -> None:
        self.verify(self.genuine(NOW))

    def test_rotated_secret_is_accepted_beside_another(self) -> None:
        request, secrets, config = self.genuine(NOW)
        self.verify((request, [WRONG_SECRET, *secrets], config))
        self.verify((request, [*secrets, WRONG_SECRET], config))

    def test_malformed_secret_beside_the_right_one_does_no_harm(self) -> None:
        request, secrets, config = self.genuine(NOW)
        self.verify((request, ["", "whsec_%%%", "山田", *secrets], config))

    @pytest.mark.parametrize(
        "secrets", [[WRONG_SECRET], [], [""], ["  "], ["whsec_"], ["whsec_%%%"], ["山田"], ["Bearer"]], ids=repr
    )
    def test_wrong_or_no_secret_is_refused(self, secrets: list[str]) -> None:
        request, _, config = self.genuine(NOW)
        self.refused((request, secrets, config))

    def test_without_proof_is_refused(self) -> None:
        request, secrets, config = self.genuine(NOW)
        self.refused((self.without_proof(request), secrets, config))

    def test_changed_body_is_refused(self) -> None:
        if not self.signs_body:
            pytest.skip("the tool signs no body")
        request, secrets, config = self.genuine(NOW)
        for at in {0, len(request.body) // 2, len(request.body) - 1}:
            changed = bytearray(request.body)
            changed[at] ^= 1
            self.refused((replace(request, body=bytes(changed)), secrets, config))
        self.refused((replace(request, body=request.body + b"\n"), secrets, config))

    def test_empty_body(self) -> None:
        request, secrets, config = self.genuine(NOW)
        empty = (replace(request, body=b""), secrets, config)
        if self.signs_body:
            self.refused(empty)
        with suppress(Unverified):
            self.verify(empty)

    def test_time_is_checked_both_ways(self) -> None:
        if not self.signs_time:
            pytest.skip("the tool signs no time")
        genuine = self.genuine(NOW)
        second = timedelta(seconds=1)
        for ago in (self.tolerance - second, second - self.tolerance):
            self.verify(genuine, NOW + ago)
        for ago in (self.tolerance + second, -self.tolerance - second, timedelta(days=4000), timedelta(days=-4000)):
            self.refused(genuine, NOW + ago)

    @pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: ascii(text)[:20])
    def test_garbage_in_headers_raises_nothing_but_unverified(self, garbage: str) -> None:
        request, secrets, config = self.genuine(NOW)
        for name in request.headers:
            with suppress(Unverified):
                self.verify((replace(request, headers={**request.headers, name: garbage}), secrets, config))
        everywhere = dict.fromkeys(request.headers, garbage)
        if self.without_proof(request).headers != request.headers:
            self.refused((replace(request, headers=everywhere), secrets, config))


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=12,
)
FUZZ = settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.differing_executors])
HOSTILE = [
    b"",
    b"\xff",
    b"\xef\xbb\xbf{}",
    b"[NaN, -Infinity, 1e999]",
    b"9" * 5000,
    b'["\\ud83d", "\\u0000"]',
    b"[" * 100_000,
    b'{"a":' * 100_000,
]


class ContentTests:
    """Whatever an authentic request holds, `parse` answers, and its events fit the canonical schema."""

    connector: ClassVar[Connector[Any]]
    config: ClassVar[SourceConfig]
    headers: ClassVar[Mapping[str, str]] = {"content-type": "application/json"}

    def request(self, body: bytes) -> WebhookRequest:
        url = f"https://tasuki.example.jp/webhooks/{self.connector.kind}"
        return WebhookRequest("POST", url, self.headers, body, NOW)

    def parse(self, body: bytes) -> Parsed:
        parsed = self.connector.parse(self.request(body), self.config)
        assert_sound(parsed)
        return parsed

    @FUZZ
    @given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
    def test_any_bytes_parse(self, body: bytes) -> None:
        self.parse(body)

    @FUZZ
    @given(JSON)
    def test_any_json_parses(self, value: Any) -> None:
        self.parse(json.dumps(value).encode())

    @pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:20]))
    def test_hostile_bytes_parse(self, body: bytes) -> None:
        assert not self.parse(body).events

    def test_any_bytes_can_be_stored(self) -> None:
        for body in (b"", b"\xff\xfe", b"{}", "山田".encode()):
            assert isinstance(self.connector.to_store(body), bytes)


def assert_sound(parsed: Parsed) -> None:
    """Every event fits the schema of its kind, and every problem says where and what."""
    for event in parsed.events:
        check_canonical(event)
    for problem in parsed.problems:
        assert problem.reason
        assert "Traceback" not in problem.reason
