"""`tasuki policy`, `calendar` and `due`."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.commands.printing import in_json
from app.flows import ledger, policies
from app.models import AuditEntry, Handoff
from app.state import State
from tests.cli.conftest import SCRIPT, clean_environment
from tests.flows.conftest import mql

NINE_HOURS = """\
key: mql
name: MQL 9営業時間
rule:
  all:
    - score: {at_least: 80}
    - count: {activity: download, at_least: 3, within_days: 30}
clock: business_hours
target: 9
alerts:
  - channel: slack
    to: sales
    on: [breached]
"""


def test_a_shown_policy_can_be_applied_and_changes_nothing(tasuki_anywhere) -> None:
    shown = tasuki_anywhere("policy", "show", "mql").stdout
    assert "# score of 80 or more and 3 or more downloads" in shown
    assert "# スコアが80以上 かつ 資料ダウンロードが3回以上" in shown
    assert tasuki_anywhere("policy", "apply", "-", stdin=shown).stdout == "Nothing changed: mql v1 says the same.\n"


def test_the_next_version_applies_from_now_on(tasuki) -> None:
    said = tasuki("policy", "apply", "-", "--note", "meeting 18", stdin=NINE_HOURS).stdout
    assert said.startswith("mql v2 is in force from ")
    assert "Handoffs that are running keep the version they started under." in said
    first, second = tasuki.json("policy", "list")
    assert (first["version"], first["effective_from"]) == (1, None)
    assert (second["version"], second["note"]) == (2, "meeting 18")
    assert second["effective_from"] is not None
    assert second["policy"]["alerts"] == [{"channel": "slack", "to": "sales", "on": ["breached"], "page": False}]
    assert first["created_by"] == "tasuki"
    assert second["created_by"].startswith("cli")


@dataclass
class Lead:
    """One that became MQL a moment ago, and the deadline that it has."""

    state: State
    tasuki: Any

    def due(self) -> datetime:
        with self.state.database.read() as c:
            return c.execute(select(Handoff.due_at)).scalar_one()

    def audited(self, action: str) -> list[Any]:
        with self.state.database.read() as c:
            return list(c.execute(select(AuditEntry.__table__).where(AuditEntry.action == action)))

    def calendar_without(self, day: date) -> str:
        shown: str = self.tasuki("calendar", "show").stdout
        return shown + f'company_days:\n  "{day}": 臨時休業\n'


@pytest.fixture
def lead(tasuki: Any, state_of: Any) -> Lead:
    tasuki("policy", "apply", "-", stdin=NINE_HOURS.replace("business_hours\ntarget: 9", "business_days\ntarget: 1"))
    state, now = state_of(tasuki), datetime.now(UTC)
    with state.database.write() as c:
        ledger.apply(c, mql(now), state.versions.read(c), now)
    return Lead(state, tasuki)


LONGER = NINE_HOURS.replace("business_hours\ntarget: 9", "business_days\ntarget: 3")


def test_a_preview_says_what_would_change_and_changes_nothing(lead) -> None:
    before = lead.due()
    said = lead.tasuki("policy", "apply", "-", "--preview", stdin=LONGER).stdout
    assert said.startswith("Preview of mql v3; nothing has been changed.\n")
    assert re.search(r"/target +1 +3\b", said)
    assert re.search(r"A lead that becomes MQL .* under mql: due .*; so far ", said)
    for kind in ("72 elapsed hours  ", "72 business hours  ", "3 business days  "):
        assert f"\n  {kind}" in said
    assert "Clocks that run under other versions: 1\n" in said
    assert "Deadlines that change with --migrate-open: 1 (0 earlier, 1 later)" in said
    found = lead.tasuki.json("policy", "apply", "-", "--preview", stdin=LONGER)
    assert (found["before"], found["after"], found["running"], len(found["moves"])) == (2, 3, 1, 1)
    assert len(lead.tasuki.json("policy", "list")) == 2
    assert lead.due() == before


def test_clocks_that_run_are_moved_when_asked_to(lead) -> None:
    before = lead.due()
    foreseen = lead.tasuki.json("policy", "apply", "-", "--preview", stdin=LONGER)["moves"]
    said = lead.tasuki("policy", "apply", "-", "--migrate-open", stdin=LONGER).stdout
    assert "Deadlines of running clocks that changed: 1" in said
    assert lead.due() > before
    assert foreseen[0]["due_after"] == in_json(lead.due()).strip().strip('"')
    (entry,) = lead.audited("handoff.moved")
    assert entry.by.startswith("cli")


@pytest.mark.parametrize(("answer", "options", "moved"), [("n", (), 0), ("y", (), 1), ("", ("--yes",), 1)])
def test_a_person_is_asked_before_deadlines_change(lead, tmp_path: Path, answer, options, moved) -> None:
    file = tmp_path / "mql.yaml"
    file.write_text(LONGER)
    terminal, keyboard = pty.openpty()
    words = [SCRIPT, "policy", "apply", str(file), "--migrate-open", *options]
    env = {**clean_environment(), **lead.tasuki.env}
    os.write(terminal, f"{answer}\n".encode())
    process = subprocess.run(words, stdin=keyboard, capture_output=True, text=True, env=env, timeout=120, check=False)
    os.close(terminal)
    os.close(keyboard)
    said = process.stdout + process.stderr
    assert ("Deadlines of running clocks change (1). Go on?" in said) is (not options)
    assert process.returncode == (0 if moved else 1), said
    assert len(lead.audited("handoff.moved")) == moved
    assert len(lead.tasuki.json("policy", "list")) == 2 + moved


@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (
            ("--migrate-open", "--effective-from", "2099-01-01"),
            NINE_HOURS,
            "/migrate_open: Running clocks can be moved only to a version that is in force at once.",
        ),
        (("--migrate-open",), NINE_HOURS + "enabled: false\n", "/migrate_open: No clock can be moved to a policy"),
        (
            ("--preview",),
            NINE_HOURS + "owner_calendars: {tanaka: mars}\n",
            "stdin:13: /owner_calendars/tanaka: There is no calendar mars.",
        ),
    ],
)
def test_what_cannot_be_moved_or_kept(tasuki, words, stdin, said) -> None:
    assert tasuki("policy", "apply", "-", *words, stdin=stdin, exits=3).stderr.startswith(said)


def test_a_difference_is_shown_as_text_and_in_words(tasuki) -> None:
    tasuki("policy", "apply", "-", stdin=NINE_HOURS)
    said = tasuki("policy", "diff", "mql", "1", "v2").stdout
    assert {"-clock: elapsed", "+clock: business_hours"} <= set(said.splitlines())
    assert "mql v2: score of 80 or more and 3 or more downloads in the last 30 days" in said
    assert "The two versions say the same." in tasuki("policy", "diff", "mql", "v2", "v2").stdout


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            NINE_HOURS.replace("at_least: 3", "atleast: 3").replace("business_hours", "business_hour"),
            [
                "stdin:6: /rule/all/1/count/atleast: `atleast` is not known here. Did you mean `at_least`?",
                "stdin:7: /clock: Must be one of: `elapsed`, `business_hours`, `business_days`."
                " Did you mean `business_hours`?",
            ],
        ),
        (NINE_HOURS + "calendar: nowhere\n", ["stdin:13: /calendar: There is no calendar nowhere."]),
        (NINE_HOURS + "target: 8\n", ["stdin:13: `target` stands here twice."]),
        (NINE_HOURS.replace("name: MQL 9営業時間\n", ""), ["stdin:1: /name: `name` is missing."]),
        ("a: [", ["stdin:1: This is not valid YAML: expected the node content, but found '<stream end>'"]),
        ('{"key": "mql", "key": "sql"}', ["stdin:1: `key` stands here twice."]),
        ('{\n\t"key": "mql",\n\t"name": }', ["stdin:3: This is not valid JSON: Expecting value"]),
        ("", ["stdin: Must be a mapping of names to values."]),
        ("[1, 2]", ["stdin:1: Must be a mapping of names to values."]),
    ],
)
def test_a_wrong_policy_is_refused_with_lines_places_and_suggestions(tasuki, written, said) -> None:
    result = tasuki("policy", "apply", "-", stdin=written, exits=3)
    assert result.stderr.splitlines() == said
    assert len(tasuki.json("policy", "list")) == 1


def test_json_with_tabs_is_as_good_as_yaml(tasuki) -> None:
    written = '{\n\t"key": "mql",\n\t"name": "MQL",\n\t"rule": {"score": {"at_least": 70}}\n}'
    assert tasuki.json("policy", "apply", "-", stdin=written) == {"key": "mql", "version": 2, "changed": True}
    assert (
        tasuki.json("policy", "apply", "-", stdin="{key: mql, name: MQL, rule: {score: {at_least: 70}}}")["version"]
        == 2
    )


@pytest.mark.parametrize(
    ("words", "exits", "said"),
    [
        (("policy", "apply", "nowhere.yaml"), 3, "nowhere.yaml: There is no such file."),
        (("policy", "show", "sql"), 3, "No policy is called sql. `tasuki policy list` shows them."),
        (("policy", "show", "mql", "--version", "7"), 3, "No policy is called mql v7."),
        (("policy", "show", "mql", "--version", "x"), 2, "`x` is not the number of a version; write 3 or v3."),
        (("due", "tomorrow"), 2, '`tomorrow` is not a date and time; write it like "2026-09-18 17:30".'),
        (("due", "1026-09-18 17:30"), 2, "years 1990 to 2100 are known."),
        (("due", "2026-09-18 17:30", "--policy", "sql"), 3, "No policy is called sql."),
        (("calendar", "show", "mars"), 3, "No calendar is called mars."),
    ],
)
def test_what_is_not_there_is_named(tasuki, words, exits, said) -> None:
    assert said in tasuki(*words, exits=exits).stderr


def test_the_past_is_not_judged_again(tasuki) -> None:
    words = ("policy", "apply", "-", "--effective-from", "2020-01-01")
    assert "what is past is not judged again" in tasuki(*words, stdin=NINE_HOURS, exits=3).stderr


# --- calendars


def test_an_applied_calendar_is_taken_up_by_its_policies(tasuki_anywhere) -> None:
    shown = tasuki_anywhere("calendar", "show").stdout + "extra_days: {2026-09-26: [10:00-12:00]}\n"
    said = tasuki_anywhere("calendar", "apply", "-", stdin=shown).stdout
    made = tasuki_anywhere.json("calendar", "list")[-1]["version"]
    assert f"Calendar default v{made} is made." in said
    assert "Policy mql v2 uses it from now on." in said
    assert tasuki_anywhere.json("policy", "show", "mql")["calendar_version"] == made
    again = tasuki_anywhere("calendar", "apply", "-", stdin=shown).stdout
    assert again.startswith(f"Nothing changed: default v{made} says the same.\n")
    assert len(tasuki_anywhere.json("policy", "list")) == 2


def test_a_new_company_day_moves_the_deadline_on_it(lead) -> None:
    before = lead.due()
    written = lead.calendar_without(before.astimezone(ZoneInfo("Asia/Tokyo")).date())
    said = lead.tasuki("calendar", "apply", "-", "--preview", stdin=written).stdout
    assert "Deadlines of running clocks that change: 1 (0 earlier, 1 later)" in said
    assert re.search(r"/company_days/\S+ +– +臨時休業", said)
    assert lead.due() == before
    kept = lead.tasuki("calendar", "apply", "-", "--keep-open", stdin=written).stdout
    assert "Clocks that run stay as they are." in kept
    assert lead.due() == before
    assert lead.tasuki.json("calendar", "apply", "-", stdin=written)["moved"] == 1
    assert lead.due() > before


def test_a_day_that_is_past_changes_no_deadline_and_says_so(lead) -> None:
    said = lead.tasuki("calendar", "apply", "-", "--preview", stdin=lead.calendar_without(date(2020, 1, 6))).stdout
    assert "No deadline of a running clock changes; what is overdue or met stays as it is." in said


def test_public_holidays_are_proposed_and_not_applied(tasuki, state_of) -> None:
    shown = tasuki("calendar", "show").stdout
    tasuki("calendar", "apply", "-", stdin=shown)
    assert " has the public holidays of " in tasuki("calendar", "propose").stdout
    state, year = state_of(tasuki), datetime.now(UTC).year
    with state.database.write() as c:
        _, number, calendar = policies.newest_calendar(c, "default")
        wrong = calendar.model_copy(update={"holidays": {date(year, 1, 1): "正月", date(year, 7, 6): "開業記念"}})
        policies.add_calendar(c, wrong, by="test", now=datetime.now(UTC))
    said = tasuki("calendar", "propose").stdout
    assert re.search(rf"{year}-01-01 +正月 +元日 +–", said)
    assert re.search(rf"{year}-07-06 +開業記念 +–", said)
    assert re.search(rf"{year + 3}-01-01 +– +元日 +not announced yet", said)
    assert "Nothing has been applied." in said
    assert len(tasuki.json("calendar", "propose")["changes"]) > 50
    assert tasuki.json("calendar", "list")[-1]["version"] == number + 1


def test_a_wrong_country_is_refused_at_its_line(tasuki) -> None:
    shown = tasuki("calendar", "show").stdout
    said = tasuki("calendar", "apply", "-", stdin=shown.replace("JP", "JA"), exits=3).stderr
    assert said.startswith(f"stdin:{shown[: shown.index('country')].count(chr(10)) + 1}: /country: ")
    assert "`JP`" in said


def test_a_year_is_checked(tasuki) -> None:
    said = tasuki("calendar", "check", "2026").stdout
    assert "Mon 2026-09-21" in said
    assert "敬老の日" in said
    missing = tasuki("calendar", "check", "2060", exits=3)
    assert "Public holidays that the calendar does not know: Thu 2060-01-01 元日" in missing.stderr
    assert tasuki.json("calendar", "check", "2026")["closed"]["2026-09-22"] == "国民の休日"


def test_a_company_day_and_plain_yaml_words(tasuki, tmp_path: Path) -> None:
    """Dates, times of day and the word no stay what was written."""
    file = tmp_path / "calendar.yaml"
    file.write_text(
        "key: plant\nweekly: {mon: [09:00-12:00, 13:00-18:00], tue: [22:00-02:00]}\ncompany_days: {2026-12-28: no}\n"
    )
    tasuki("calendar", "apply", str(file))
    calendar = tasuki.json("calendar", "show", "plant")["calendar"]
    assert calendar["weekly"] == {"mon": ["09:00-12:00", "13:00-18:00"], "tue": ["22:00-02:00"]}
    assert calendar["company_days"] == {"2026-12-28": "no"}


# --- due


def test_the_deadline_with_its_receipt_and_the_other_clocks(tasuki) -> None:
    tasuki("policy", "apply", "-", stdin=NINE_HOURS)
    said = tasuki("due", "2026-09-18 17:30", "--policy", "mql", "--version", "2", "--lang", "ja").stdout
    assert said.splitlines() == [
        "期限 2026-09-24(木) 17:30",
        "方針 mql v2「MQL 9営業時間」: 9営業時間、カレンダー default v1",
        "  9/18(金) 17:30–18:00  0:30 消費  残り 8:30",
        "  9/19(土) 9/20(日) 9/21(月)敬老の日 9/22(火)国民の休日 9/23(水)秋分の日  停止",
        "  9/24(木) 09:00–17:30  8:30 消費  残り 0:00  → 期限",
        "参考: 9時間(経過)なら 2026-09-19(土) 02:30",
        "参考: 1営業日なら 2026-09-24(木) 17:30",
    ]


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        ("2026-09-18 17:30", "2026-09-18T08:30:00Z"),
        ("2026-09-18T17:30+09:00", "2026-09-18T08:30:00Z"),
        ("2026-09-18T08:30Z", "2026-09-18T08:30:00Z"),
        ("2026-09-18", "2026-09-17T15:00:00Z"),
    ],
)
def test_a_moment_without_a_zone_is_on_the_settings_clock(tasuki, moment, start) -> None:
    assert tasuki.json("due", moment)["start"] == start


def test_the_version_in_force_then_counts_and_a_newer_one_is_named(tasuki) -> None:
    tasuki("policy", "apply", "-", stdin=NINE_HOURS)
    said = tasuki("due", "2020-09-18 17:30").stdout
    assert said.startswith("Due Sat 2020-09-19 17:30\nPolicy mql v1 ")
    assert "For comparison: by v2, which is in force from " in said
    assert "24 business hours would be" in said
