import pytest

from app.notify.contract import Link, Message
from app.notify.log import Log
from app.notify.plain import one_line, printable, web_address

BREACH = Message(
    reference="alert-42",
    title="期限超過 営業0:30 山田製作所 佐藤様",
    fields=(("期限", "9/24(木) 17:30"), ("直近", "料金表 2026\n導入事例")),
    links=(Link("SFAで開く", "https://sfa.example.com/leads/7"), Link("罠", "javascript:alert(1)")),
    footnote="方針 v3",
)


@pytest.mark.parametrize(
    ("recipient", "shown"),
    [
        ("sales", "sales"),
        ("tanaka@example.com", "…@example.com"),
        ('"a@b"@example.com', "…@example.com"),
        ("sales\nalert-43 to ceo", "sales alert-43 to ceo"),
    ],
)
def test_one_readable_line_without_a_personal_address(recipient: str, shown: str) -> None:
    lines: list[str] = []
    Log(lines.append).deliver(BREACH, recipient)
    assert lines == [
        f"alert-42 to {shown}: 期限超過 営業0:30 山田製作所 佐藤様 | 期限: 9/24(木) 17:30 | 直近: 料金表 2026 導入事例"
        " | SFAで開く <https://sfa.example.com/leads/7> | 方針 v3"
    ]


def test_a_bare_message_is_its_title() -> None:
    lines: list[str] = []
    Log(lines.append).deliver(Message("alert-1", "At risk"), "default")
    assert lines == ["alert-1 to default: At risk"]


@pytest.mark.parametrize(
    ("given", "kept", "line"),
    [
        ("佐藤\r\n様", "佐藤\n様", "佐藤 様"),
        ("a\x00b\u2028c\x85d\x0be", "a b c d e", "a b c d e"),
        ("half \ud83d pair", "half ? pair", "half ? pair"),
        ("👩‍💻 🟡", "👩‍💻 🟡", "👩‍💻 🟡"),
        ("  two\t spaces ", "  two  spaces ", "two spaces"),
    ],
)
def test_what_no_channel_can_carry_is_taken_out(given: str, kept: str, line: str) -> None:
    assert (printable(given), one_line(given)) == (kept, line)


@pytest.mark.parametrize(
    ("url", "opened"),
    [
        ("https://sfa.example.com/a?b=1&c=2", "https://sfa.example.com/a?b=1&c=2"),
        (" http://tasuki.example.com/h/1 ", "http://tasuki.example.com/h/1"),
        ("https://sfa.example.com/佐藤 様", "https://sfa.example.com/%E4%BD%90%E8%97%A4%20%E6%A7%98"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("/leads/7", ""),
        ("https://", ""),
        ("https://a\nb.example.com/", ""),
        ("https://[::1", ""),
        ("", ""),
    ],
)
def test_only_complete_web_addresses_become_links(url: str, opened: str) -> None:
    assert web_address(url) == opened
