from datetime import UTC, datetime, timedelta

import pytest

from connectors.contract import Unverified
from connectors.signatures import check_age, hmac_sha256, in_words, required, same, usable

NOW = datetime(2026, 9, 24, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize("secret", ["key", b"key"])
def test_hmac_sha256_known_answer(secret: str | bytes) -> None:
    """The example of the article HMAC in the English Wikipedia."""
    digest = hmac_sha256(secret, b"The quick brown fox jumps over the lazy dog")
    assert digest.hex() == "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("abc", "abc", True),
        ("abc", b"abc", True),
        ("abc", "abd", False),
        ("abc", "abcd", False),
        ("", "", True),
        ("山田", "山田", True),
        ("山田", "山本", False),
        ("\udcff", "\udcff", True),
        ("\udcff", b"\xff", False),
    ],
)
def test_same(left: str | bytes, right: str | bytes, equal: bool) -> None:
    assert same(left, right) is equal


@pytest.mark.parametrize(
    ("ago", "refusal"),
    [
        (timedelta(0), None),
        (timedelta(minutes=5), None),
        (timedelta(minutes=-5), None),
        (timedelta(minutes=5, milliseconds=1), "signed 5 min ago; at most 5 min are allowed"),
        (timedelta(minutes=7, seconds=59), "signed 7 min ago; at most 5 min are allowed"),
        (timedelta(days=12), "signed 12 days ago; at most 5 min are allowed"),
        (timedelta(minutes=-6), "signed 6 min in the future; at most 5 min are allowed"),
    ],
)
def test_check_age(ago: timedelta, refusal: str | None) -> None:
    if refusal is None:
        check_age(NOW - ago, NOW)
        return
    with pytest.raises(Unverified) as refused:
        check_age(NOW - ago, NOW)
    assert str(refused.value) == refusal


def test_check_age_with_another_tolerance() -> None:
    check_age(NOW - timedelta(hours=1), NOW, timedelta(hours=1))
    with pytest.raises(Unverified, match="at most 30 s are allowed"):
        check_age(NOW - timedelta(seconds=31), NOW, timedelta(seconds=30))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 days")]
)
def test_in_words(seconds: int, words: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == words


def test_required_header() -> None:
    assert required({"x-signature": " abc "}, "X-Signature") == "abc"
    for headers in ({}, {"x-signature": ""}, {"x-signature": "  "}):
        with pytest.raises(Unverified, match="the header X-Signature is missing"):
            required(headers, "X-Signature")


def test_blank_secrets_prove_nothing() -> None:
    assert usable(["", " new ", "old"]) == ["new", "old"]
    for secrets in ([], [""], ["  "]):
        with pytest.raises(Unverified, match="no secret"):
            usable(secrets)
