"""`tasuki source`, `tasuki token`: secrets are shown once and never asked for on the command line."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from app.flows import sources, tokens


def test_a_source_gets_a_secret_that_is_shown_once(tasuki, state_of) -> None:
    said = tasuki("source", "add", "ma", "standard", "-c", "system=own", "-c", "owners={77: Sato}").stdout
    secret = re.search(r"whsec_\S+", said)[0]
    assert "http://127.0.0.1:8000/webhooks/ma" in said
    state = state_of(tasuki)
    with state.database.read() as c:
        (opened,) = sources.opened(c, state.vault)
    assert opened.secrets == (secret,)
    assert (opened.config.system, opened.config.owners) == ("own", {"77": "Sato"})
    for words in (("source", "list"), ("source", "list", "--json"), ("source", "show", "ma"), ("doctor", "--json")):
        assert secret not in tasuki(*words, exits=int(words[0] == "doctor")).output


def test_the_secret_of_salesforce_stands_in_its_url(tasuki, state_of) -> None:
    said = tasuki("source", "add", "sf", "salesforce").stdout
    token = re.search(r"/webhooks/sf\?token=(\S+)", said)[1]
    state = state_of(tasuki)
    with state.database.read() as c:
        assert sources.opened(c, state.vault)[0].secrets == (unquote(token),)


@pytest.mark.parametrize(("kind", "words"), [("pardot", "sends no webhooks"), ("zoho", "tells it where to send")])
def test_where_nothing_is_to_be_entered_nothing_is_shown(tasuki, kind, words) -> None:
    said = tasuki("source", "add", "ma", kind).stdout
    assert words in said
    assert "tasuki source credential ma" in said
    assert not re.search(r"whsec_|/webhooks/", said)


def test_a_source_without_an_api_asks_for_no_credential(tasuki) -> None:
    assert "credential" not in tasuki("source", "add", "ma", "standard").stdout


def test_secrets_come_from_stdin_and_are_not_repeated(tasuki, state_of) -> None:
    words = ("source", "add", "ma", "hubspot", "--secret-stdin", "--credential-stdin")
    said = tasuki(*words, stdin="client-secret\napi-token\n").output
    state = state_of(tasuki)
    with state.database.read() as c:
        (opened,) = sources.opened(c, state.vault)
    assert (opened.secrets, opened.credential) == (("client-secret",), "api-token")
    assert "client-secret" not in said
    assert "api-token" not in said


@pytest.mark.parametrize("words", [("rotate", "ma", "--secret-stdin"), ("credential", "ma", "--credential-stdin")])
def test_an_empty_stdin_is_refused(tasuki, words) -> None:
    tasuki("source", "add", "ma", "standard")
    assert "stdin is empty" in tasuki("source", *words, stdin="", exits=2).stderr


def test_after_a_rotation_both_secrets_open_until_the_next(tasuki, state_of) -> None:
    tasuki("source", "add", "s", "standard", "--secret-stdin", stdin="first\n")
    tasuki("source", "rotate", "s", "--secret-stdin", stdin="second\n")
    third = re.search(r"whsec_\S+", tasuki("source", "rotate", "s").stdout)[0]
    state = state_of(tasuki)
    with state.database.read() as c:
        assert sources.opened(c, state.vault)[0].secrets == (third, "second")


def test_configuring_changes_what_is_named_and_a_file_replaces_everything(tasuki, tmp_path: Path) -> None:
    tasuki("source", "add", "ma", "hubspot", "-c", "portal_id=1", "-c", "score_property=a", "--secret-stdin", stdin="x")
    tasuki("source", "configure", "ma", "-c", "score_property=b")
    assert tasuki.json("source", "show", "ma")["config"] == {"portal_id": 1, "score_property": "b"}
    file = tmp_path / "ma.yaml"
    file.write_text(tasuki("source", "show", "ma").stdout.replace("portal_id: 1\n", ""))
    tasuki("source", "configure", "ma", "--config", str(file))
    assert tasuki.json("source", "show", "ma")["config"] == {"score_property": "b"}


def test_the_list_says_what_is_disabled(tasuki) -> None:
    tasuki("source", "add", "ma", "standard")
    tasuki("source", "disable", "ma")
    assert tasuki.json("source", "list")[0]["state"] == "disabled"
    tasuki("source", "enable", "ma")
    (entry,) = tasuki.json("source", "list")
    assert (entry["state"], entry["last_delivery_at"], entry["quarantined"]) == ("active", None, 0)


@pytest.mark.parametrize(
    ("words", "exits", "said"),
    [
        (
            ("add", "ma", "hubspot", "-c", "portal=1"),
            3,
            "/portal: `portal` is not known here. Did you mean `portal_id`?",
        ),
        (("add", "Ma", "standard"), 3, "/name: "),
        (("add", "ma", "hubspot"), 2, "hubspot signs with a secret of its own: give that one with --secret-stdin."),
        (
            ("add", "ma", "hubsopt"),
            3,
            "/kind: There is no connector hubsopt; there are standard, hubspot, salesforce, ",
        ),
        (("add", "ma", "hubspot", "-c", "portal_id"), 2, "`portal_id` is not of the form key=value."),
        (("rotate", "nobody"), 3, "No source is called nobody. `tasuki source list` shows them."),
        (("configure", "nobody", "-c", "a=b"), 3, "No source is called nobody."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(tasuki, words, exits, said) -> None:
    result = tasuki("source", *words, exits=exits)
    assert said in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stdout == ""


def test_a_token_is_shown_once_and_opens_until_it_is_revoked(tasuki, state_of) -> None:
    secret = re.search(r"tsk_\S+", tasuki("token", "create", "looker", "--scope", "read").stdout)[0]
    state = state_of(tasuki)
    with state.database.read() as c:
        found = tokens.find(c, secret)
    assert (found.name, sorted(found.scopes)) == ("looker", ["read"])
    assert secret not in tasuki("token", "list").output
    tasuki("token", "revoke", str(found.id))
    with state.database.read() as c:
        assert tokens.find(c, secret) is None
    assert tasuki.json("token", "list")[0]["revoked_at"] is not None
    assert "No token has the number 77." in tasuki("token", "revoke", "77", exits=3).stderr
    assert "--scope" in tasuki("token", "create", "looker", exits=2).stderr
