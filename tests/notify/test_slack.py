import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from app.notify.contract import Link, Message, TryLater, Undeliverable
from app.notify.slack import ADVICE, Slack, payload

FIXTURES = Path(__file__).parent.parent / "fixtures" / "slack"
LIMITS: dict[str, Any] = json.loads((FIXTURES / "block_kit_limits.json").read_text())
ANSWERS: list[dict[str, Any]] = json.loads((FIXTURES / "incoming_webhook_responses.json").read_text())["responses"]

SECRET = "T000/B000/secretsecret"
URL = f"https://hooks.slack.com/services/{SECRET}"
SFA = Link("SFAで開く", "https://sfa.example.com/leads/7?tab=a&b=<c>")
BREACH = Message(
    reference="alert-42",
    title="⏰ 期限超過 営業0:30 山田製作所 佐藤様",
    fields=(("期限", "9/24(木) 17:30"), ("なぜMQL", "スコア 72→86\nDL3回目「料金表 2026」")),
    links=(Link("期限の理由", "https://tasuki.example.com/handoffs/7/explain"), SFA),
    footnote="方針 v3",
)


def slack(url: str = URL, *, http: httpx.Client | None = None, timeout: float = 10.0) -> Slack:
    return Slack({"default": SecretStr(url), "sales": SecretStr(url)}, http or httpx.Client(), timeout=timeout)


def texts(part: object) -> list[str]:
    """Every text of a payload, top-level and in blocks."""
    if isinstance(part, dict):
        own = [part["text"]] if isinstance(part.get("text"), str) else []
        return own + [text for value in part.values() for text in texts(value)]
    return [text for item in part for text in texts(item)] if isinstance(part, list) else []


def table_of(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and value as the two columns of the sections show them."""
    cells = [cell["text"] for block in body["blocks"] if block["type"] == "section" for cell in block["fields"]]
    return list(zip(cells[::2], cells[1::2], strict=False))


def test_a_breach_as_block_kit() -> None:
    def plain(text: str) -> dict[str, Any]:
        return {"type": "plain_text", "text": text, "emoji": False}

    def bold(label: str) -> dict[str, Any]:
        return {"type": "mrkdwn", "text": f"*{label}*", "verbatim": True}

    why = "スコア 72→86\nDL3回目「料金表 2026」"
    assert payload(BREACH) == {
        "text": "⏰ 期限超過 営業0:30 山田製作所 佐藤様 | 期限: 9/24(木) 17:30 | "
        "なぜMQL: スコア 72→86 DL3回目「料金表 2026」",
        "mrkdwn": False,
        "blocks": [
            {"type": "header", "text": plain("⏰ 期限超過 営業0:30 山田製作所 佐藤様")},
            {"type": "section", "fields": [bold("期限"), plain("9/24(木) 17:30"), bold("なぜMQL"), plain(why)]},
            {
                "type": "actions",
                "elements": [
                    {
                        "type": "button",
                        "text": plain("期限の理由"),
                        "url": "https://tasuki.example.com/handoffs/7/explain",
                    },
                    {
                        "type": "button",
                        "text": plain("SFAで開く"),
                        "url": "https://sfa.example.com/leads/7?tab=a&b=%3Cc%3E",
                    },
                ],
            },
            {"type": "context", "elements": [plain("方針 v3")]},
        ],
    }


def test_a_message_of_a_title_only() -> None:
    body = payload(Message("alert-1", "Digest"))
    assert (body["text"], [block["type"] for block in body["blocks"]]) == ("Digest", ["header"])


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("<!channel>", "&lt;!channel&gt;"),
        ("<@U123> & <https://evil.example|here>", "&lt;@U123&gt; &amp; &lt;https://evil.example|here&gt;"),
        ("A&amp;B", "A&amp;amp;B"),
        ("*太字* _斜体_ ~消し~ `code`", "*太字* _斜体_ ~消し~ `code`"),
    ],
)
def test_a_name_can_neither_ping_nor_format(name: str, sent: str) -> None:
    body = payload(Message("alert-1", name, ((name, name),), (Link(name, "https://a.example"),), name))
    assert not [text for text in texts(body) if re.search(r"[<>]|&(?!amp;|lt;|gt;)", text)]
    assert body["blocks"][0]["text"] == {"type": "plain_text", "text": sent, "emoji": False}
    assert body["blocks"][1]["fields"][1] == {"type": "plain_text", "text": sent, "emoji": False}
    assert body["mrkdwn"] is False, "the notice must not format either"


@pytest.mark.parametrize("label", ["a*b", "_a_", "~a~", "`a`"])
def test_a_label_with_markup_is_shown_as_it_is(label: str) -> None:
    cell = payload(Message("alert-1", "t", ((label, "v"),)))["blocks"][1]["fields"][0]
    assert cell == {"type": "plain_text", "text": label, "emoji": False}


def test_empty_words_are_a_dash_because_slack_refuses_empty_text() -> None:
    body = payload(Message("alert-1", "", (("", " \n "),), (Link("", "https://a.example"),)))
    assert [body["blocks"][0]["text"]["text"], *table_of(body)] == ["–", ("*–*", "–")]
    assert body["blocks"][2]["elements"][0]["text"]["text"] == "–"


def assert_within_limits(body: dict[str, Any]) -> None:
    blocks = body["blocks"]
    assert body["text"]
    assert all(texts(body)), "Slack refuses empty text"
    assert len(blocks) <= LIMITS["blocks_per_message"]["max"]
    assert len(json.dumps(body, ensure_ascii=False)) <= LIMITS["sum_of_block_text_soft_limit"]["max"]
    assert len(blocks[0]["text"]["text"]) <= LIMITS["header.text"]
    for block in blocks:
        fields, elements = block.get("fields", []), block.get("elements", [])
        assert len(fields) <= LIMITS["section.fields.items"]
        assert all(len(cell["text"]) <= LIMITS["section.fields.text"] for cell in fields)
        if block["type"] == "actions":
            assert 0 < len(elements) <= LIMITS["actions.elements"]
            assert all(len(button["text"]["text"]) <= LIMITS["button.text"] for button in elements)
            assert all(len(button["url"]) <= LIMITS["button.url"] for button in elements)
        if block["type"] == "context":
            assert len(elements) <= LIMITS["context.elements"]
            assert all(len(cell["text"]) <= LIMITS["section.text"] for cell in elements)


LONG = "山田" * 5000
HUGE = {
    "long words": Message(LONG, LONG, ((LONG, LONG),) * 7, (Link(LONG, "https://a.example/"),), LONG),
    "all escapes": Message("r", "&" * 500, (("<" * 500, ">" * 5000),) * 9, footnote="&" * 9000),
    "all quotes": Message("r", '"' * 500, (('\\"' * 500, '"\n' * 5000),) * 9, footnote='"' * 9000),
    "many fields": Message("r", "t", tuple((f"{n}", "v") for n in range(900))),
    "many links": Message("r", "t", links=tuple(Link(f"{n}", f"https://a.example/{n}") for n in range(60))),
    "long links": Message("r", "t", links=(Link("x", "https://a.example/" + "u" * 2900),) * 25),
}


@pytest.mark.parametrize("message", HUGE.values(), ids=HUGE.keys())
def test_no_message_is_too_large(message: Message) -> None:
    assert_within_limits(payload(message))


words = st.text(max_size=40) | st.sampled_from(["&" * 3000, '"' * 3000, "字" * 3000, "<!here>" * 400])
links = st.builds(Link, words, st.sampled_from([SFA.url, "mailto:a@b", "https://a.example/" + "u" * 2000]))


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Message,
        words,
        words,
        st.lists(st.tuples(words, words), max_size=150).map(tuple),
        st.lists(links, max_size=30).map(tuple),
        words,
    )
)
def test_whatever_the_words_are_slack_can_take_them(message: Message) -> None:
    assert_within_limits(payload(message))


def test_what_is_cut_says_so_and_the_first_fields_stay() -> None:
    body = payload(HUGE["many fields"])
    rows = table_of(body)
    assert rows[:2] == [("*0*", "v"), ("*1*", "v")]
    assert len(rows) > 60
    assert body["blocks"][-1]["fields"][-1]["text"] == "…"
    assert payload(Message("r", "x" * 151))["blocks"][0]["text"]["text"] == "x" * 149 + "…"
    assert payload(Message("r", "x" * 150))["blocks"][0]["text"]["text"] == "x" * 150
    assert table_of(payload(Message("r", "t", (("a", "字" * 2001),))))[0][1] == "字" * 1999 + "…"


def test_an_escape_is_never_cut_in_two() -> None:
    header = payload(Message("r", "x" * 147 + "&&"))["blocks"][0]["text"]["text"]
    assert header == "x" * 147 + "…"


def test_a_link_that_slack_would_refuse_is_left_out() -> None:
    long, script = Link("long", "https://a.example/" + "u" * 3000), Link("script", "javascript:alert(1)")
    body = payload(Message("r", "t", links=(long, script, SFA)))
    assert [button["text"]["text"] for button in body["blocks"][1]["elements"]] == ["SFAで開く"]
    assert [block["type"] for block in payload(Message("r", "t", links=(long, script)))["blocks"]] == ["header"]


@respx.mock
@pytest.mark.parametrize("row", ANSWERS, ids=lambda row: f"{row['status']} {row['body']}")
def test_every_answer_of_slack(row: dict[str, Any]) -> None:
    respx.post(URL).respond(row["status"], text=row["body"], headers=row.get("headers", {}))
    if row["status"] == 200:
        slack().deliver(BREACH, "sales")
        return
    with pytest.raises(TryLater if row["retry"] else Undeliverable) as raised:
        slack().deliver(BREACH, "sales")
    reason = str(raised.value)
    assert f'Slack webhook "sales" answered {row["status"]} {row["body"]}' in reason
    if isinstance(raised.value, TryLater):
        assert raised.value.after == (30 if row["status"] == 429 else None)
    else:
        assert reason.endswith(f": {ADVICE[row['body']]}")


@respx.mock
@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (503, {"Retry-After": "120"}, 120.0),
        (502, {}, None),
        (429, {}, None),
        (429, {"Retry-After": "Wed, 23 Sep 2026 08:30:00 GMT"}, None),
        (429, {"Retry-After": "-1"}, None),
        (429, {"Retry-After": "nan"}, None),
        (408, {}, None),
    ],
)
def test_how_long_to_wait(status: int, headers: dict[str, str], expected: float | None) -> None:
    respx.post(URL).respond(status, headers=headers)
    with pytest.raises(TryLater) as raised:
        slack().deliver(BREACH, "default")
    assert raised.value.after == expected


@respx.mock
@pytest.mark.parametrize(
    ("status", "body"), [(302, ""), (404, f"<html>{URL} not found</html>"), (400, "x" * 5000), (403, "new_word")]
)
def test_an_unknown_refusal_needs_a_person_and_quotes_no_page(status: int, body: str) -> None:
    elsewhere = respx.get("https://elsewhere.example/").respond(200)
    respx.post(URL).respond(status, text=body, headers={"Location": "https://elsewhere.example/"})
    with pytest.raises(Undeliverable, match="TASUKI_SLACK_WEBHOOKS") as raised:
        slack(http=httpx.Client(follow_redirects=True)).deliver(BREACH, "default")
    assert len(str(raised.value)) < 250
    assert SECRET not in str(raised.value)
    assert not elsewhere.called


@respx.mock
@pytest.mark.parametrize(
    "broken", [httpx.ConnectError, httpx.ReadTimeout, httpx.ConnectTimeout, httpx.RemoteProtocolError]
)
def test_a_lost_connection_is_tried_later(broken: type[httpx.RequestError]) -> None:
    respx.post(URL).mock(side_effect=broken(f"lost {URL}"))
    with pytest.raises(TryLater, match=broken.__name__) as raised:
        slack().deliver(BREACH, "default")
    assert_secret_is_kept(raised.value)


@pytest.mark.parametrize(
    "url", ["", "hooks.slack.com/T/B/secretsecret", "ftp://a/secretsecret", "https://hooks.slack.com:x/secretsecret"]
)
def test_a_wrong_setting_is_named_without_its_value(url: str) -> None:
    with pytest.raises(
        Undeliverable, match='TASUKI_SLACK_WEBHOOKS: the value of "sales" is not a web address'
    ) as raised:
        slack(url).deliver(BREACH, "sales")
    assert_secret_is_kept(raised.value)


@pytest.mark.parametrize(
    ("webhooks", "known"), [({"default": SecretStr(URL), "sales": SecretStr(URL)}, "default, sales"), ({}, "none")]
)
def test_an_unknown_name_names_the_setting(webhooks: dict[str, SecretStr], known: str) -> None:
    with pytest.raises(Undeliverable) as raised:
        Slack(webhooks, httpx.Client()).deliver(BREACH, "markting")
    assert str(raised.value) == f'TASUKI_SLACK_WEBHOOKS has no webhook called "markting" (it has: {known})'


def assert_secret_is_kept(failure: BaseException) -> None:
    """Neither the exception nor one that stands behind it knows the webhook."""
    assert "secretsecret" not in repr(failure) + str(failure)
    assert failure.__cause__ is None
    assert failure.__context__ is None


@respx.mock
def test_no_log_shows_the_webhook(caplog: pytest.LogCaptureFixture) -> None:
    respx.post(URL).respond(200, text="ok")
    with caplog.at_level(logging.DEBUG):
        slack().deliver(BREACH, "default")
        slack().deliver(BREACH, "default")
    assert "hooks.slack.com" in caplog.text, "httpx logs its requests; if it stopped, the filter can go"
    assert SECRET not in caplog.text


class Workspace(BaseHTTPRequestHandler):
    """Answers like Slack, `wait` seconds after the request."""

    received: list[tuple[str, bytes]]
    wait = 0.0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.headers["Content-Type"], body))
        time.sleep(self.wait)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def workspace() -> Iterator[tuple[type[Workspace], str]]:
    handler = type("Fresh", (Workspace,), {"received": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # the client hangs up on a slow answer
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield handler, f"http://127.0.0.1:{server.server_port}/services/{SECRET}"
    server.shutdown()
    server.server_close()


def test_a_round_trip_over_a_real_connection(workspace: tuple[type[Workspace], str]) -> None:
    handler, url = workspace
    slack(url).deliver(BREACH, "default")
    ((content_type, body),) = handler.received
    assert content_type == "application/json"
    assert json.loads(body.decode()) == payload(BREACH)


def test_a_slow_workspace_is_tried_later(workspace: tuple[type[Workspace], str]) -> None:
    handler, url = workspace
    handler.wait = 3.0
    started = time.monotonic()
    with pytest.raises(TryLater, match="ReadTimeout"):
        slack(url, timeout=0.5).deliver(BREACH, "default")
    assert time.monotonic() - started < 2.0
