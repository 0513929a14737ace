"""The list of what the data leaves to be mended, on both databases."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from app.domain.policy import default_policy
from app.domain.quality import Jump, Kind, Look, Tally
from app.flows import follow_ups, ledger, people, policies, quality, sources
from app.flows.follow_ups import Entry
from app.flows.ledger import Fact
from app.flows.people import Decider, Whom
from app.models import Delivery, Lead, Source
from app.state import State
from connectors.contract import CanonicalEvent, EventKind, ExternalId
from tests.conftest import FRIDAY, Clock

H, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
_numbers = itertools.count(1)


def ma(name: str) -> ExternalId:
    return ExternalId("ma", f"m-{name}")


def sfa(name: str) -> ExternalId:
    return ExternalId("sfa", f"s-{name}")


def mail(name: str) -> ExternalId:
    return ExternalId("email", f"{name}@yamada.example")


class Team:
    """A marketing tool and a sales tool, and what they tell."""

    def __init__(self, state: State, clock: Clock, roles: dict[str, dict[str, Any]]) -> None:
        self.state, self.clock = state, clock
        self.sources: dict[str | None, int | None] = {None: None}
        with state.database.write() as c:
            for name, config in roles.items():
                given = {"name": name, "kind": "standard", "config": config, "secret": "whsec_x"}
                self.sources[name] = sources.add(c, state.vault, now=clock(), **given)

    def fact(
        self, kind: str, at: datetime, *lead: ExternalId, source: str | None = "ma", key: str = "", **said: Any
    ) -> Fact:
        known = {name: said.pop(name, None) for name in ("recorded_at", "record", "revised_at")}
        received_at, delivery = said.pop("received_at", None), said.pop("delivery", None)
        key, source_id = key or f"e{next(_numbers)}", self.sources[source]
        event = CanonicalEvent(key, EventKind(kind), at, lead, said, **known)
        return Fact(ledger.event_id(source_id, key), event, received_at or at, source_id, delivery)

    def happens(self, *facts: Fact) -> None:
        with self.state.database.write() as c:
            ledger.apply(c, list(facts), self.state.versions.read(c), self.clock())

    def mql(self, name: str, at: datetime, *more: Fact, owner: str | None = "tanaka") -> None:
        """Known to both tools; completes the rule at that moment."""
        about = (ma(name), sfa(name))
        read = [self.fact("activity", at - n * H, *about, activity="download", asset=f"a{n}") for n in (1, 2, 3)]
        who = self.fact("lead", at - 5 * H, *about, name=name.capitalize(), company="山田製作所")
        assigned = (
            [
                self.fact(
                    "owner",
                    at - 4 * H,
                    sfa(name),
                    source="sfa",
                    owner=owner,
                    name="田中 舞",
                    email=f"{owner}@sales.example",
                )
            ]
            if owner
            else []
        )
        self.happens(who, *read, *assigned, self.fact("score", at, ma(name), score=86), *more)

    def call(self, name: str, at: datetime, **said: Any) -> Fact:
        told = {"channel": "call", "automated": False} | said
        return self.fact("follow_up", at, sfa(name), source="sfa", **told)

    def agrees(self, **more: Any) -> None:
        with self.state.database.write() as c:
            policies.apply_policy(
                c, default_policy().model_copy(update=more), by="test", now=self.clock(), effective_from=None
            )

    def by_hand(self, lead: int, kind: str, at: datetime, **said: Any) -> None:
        with self.state.database.write() as c:
            entry = Entry(lead, EventKind(kind), said, "田中 舞", at)
            follow_ups.record(c, entry, self.state.versions.read(c), self.clock(), actor="test")

    def leads(self) -> dict[str, int]:
        """Name → number."""
        with self.state.database.read() as c:
            return {row.name: row.id for row in c.execute(select(Lead.id, Lead.name))}

    def delivery(self, source: str, received_at: datetime, **values: Any) -> int:
        row = {"source_id": self.sources[source], "received_at": received_at, "method": "POST", "url": "/"}
        row |= {"headers": {}, "body": b"{}", "state": "applied", "not_before": received_at} | values
        with self.state.database.write() as c:
            return c.execute(insert(Delivery).values(row).returning(Delivery.id)).scalar_one()

    def look(self, days: int = 90) -> Look:
        with self.state.database.read() as c:
            return Look(self.clock(), days, self.state.versions.read(c))

    def rows(self, kind: Kind, days: int = 90) -> list[Any]:
        """All of them, read one a page."""
        with self.state.database.read() as c:
            look, found, after = self.look(days), [], None
            for _ in range(100):
                page = quality.rows(c, kind, look, after=after, limit=1)
                found += page.rows
                if page.last is None:
                    return found
                after = page.last
        raise AssertionError("the pages do not end")

    def tally(self, kind: Kind, days: int = 90) -> Tally:
        with self.state.database.read() as c:
            (task,) = (task for task in quality.tasks(c, self.look(days)) if task.kind is kind)
        return task.tally


@pytest.fixture
def team_of(state: State, clock: Clock) -> Callable[..., Team]:
    return lambda **roles: Team(state, clock, roles)


@pytest.fixture
def team(team_of, clock) -> Team:
    made = team_of(ma={"role": "ma", "system": "ma"}, sfa={"role": "sfa", "system": "sfa"})
    clock.now = FRIDAY + 10 * DAY
    return made


def test_nothing_to_do(team) -> None:
    with team.state.database.read() as c:
        tasks = quality.tasks(c, team.look())
    assert [task.kind for task in tasks] == list(Kind)
    assert {task.tally for task in tasks} == {Tally(0, None)}
    assert all(team.rows(kind) == [] for kind in Kind)


# --- 1 ownerless


def test_open_handoffs_without_an_owner(team) -> None:
    team.mql("sato", FRIDAY, owner=None)
    team.mql("ito", FRIDAY + H, owner=None)
    team.mql("kato", FRIDAY)
    team.mql("mori", FRIDAY, team.call("mori", FRIDAY + H), owner=None)
    assert [row.lead_name for row in team.rows(Kind.OWNERLESS)] == ["Sato", "Ito"]
    assert team.tally(Kind.OWNERLESS) == Tally(2, FRIDAY)
    team.happens(team.fact("owner", FRIDAY + 2 * H, sfa("sato"), source="sfa", owner="suzuki"))
    assert [row.lead_name for row in team.rows(Kind.OWNERLESS)] == ["Ito"]


def test_another_duty_is_not_a_handoff_to_sales(team, state) -> None:
    team.mql("sato", FRIDAY, owner=None)
    rejected = team.fact("disposition", FRIDAY + H, sfa("sato"), source="sfa", outcome="rejected", reason="routing")
    team.happens(rejected)  # marketing owes an answer now
    assert team.rows(Kind.OWNERLESS) == []
    assert team.tally(Kind.OWNERLESS).count == 0


# --- 2 one side only


def one_sided(team: Team) -> dict[str, list[str]]:
    return {kind.value: [row.name for row in team.rows(kind)] for kind in (Kind.MA_ONLY, Kind.SFA_ONLY)}


def named(team: Team, name: str, at: datetime, *about: ExternalId, source: str = "ma") -> Fact:
    return team.fact("lead", at, *about, source=source, name=name)


def test_leads_that_one_side_alone_knows(team) -> None:
    team.happens(
        named(team, "marketing", FRIDAY, ma("a"), mail("a")),
        named(team, "sales", FRIDAY + H, sfa("b"), source="sfa"),
        named(team, "both", FRIDAY, ma("c"), mail("c")),
        named(team, "both", FRIDAY, sfa("c"), mail("c"), source="sfa"),
        named(team, "linked", FRIDAY, ma("d"), sfa("d")),  # the marketing tool knows its id there
    )
    assert one_sided(team) == {"ma_only": ["marketing"], "sfa_only": ["sales"]}
    assert team.tally(Kind.MA_ONLY) == Tally(1, FRIDAY)
    assert team.tally(Kind.SFA_ONLY) == Tally(1, FRIDAY + H)
    assert [row.handed_over for row in team.rows(Kind.MA_ONLY)] == [False]


def test_an_address_alone_is_known_by_who_told_of_it(team) -> None:
    team.happens(
        named(team, "marketing", FRIDAY, mail("a")),
        named(team, "sales", FRIDAY, mail("b"), source="sfa"),
        named(team, "both", FRIDAY, mail("c")),
        team.fact("status", FRIDAY, mail("c"), source="sfa", status="working", raw="working"),
    )
    assert one_sided(team) == {"ma_only": ["marketing"], "sfa_only": ["sales"]}


def test_a_lead_has_an_hour_to_arrive_at_the_other_side(team, clock) -> None:
    team.happens(named(team, "marketing", clock() - H + MINUTE, ma("a")))
    assert one_sided(team)["ma_only"] == []
    clock.advance(MINUTE)
    assert one_sided(team)["ma_only"] == ["marketing"]


def test_a_handed_over_lead_that_sales_never_saw_says_so(team) -> None:
    read = [team.fact("activity", FRIDAY - n * H, ma("a"), activity="download", asset=f"a{n}") for n in (1, 2, 3)]
    team.happens(named(team, "hot", FRIDAY - 5 * H, ma("a")), *read, team.fact("score", FRIDAY, ma("a"), score=90))
    assert [(row.name, row.handed_over) for row in team.rows(Kind.MA_ONLY)] == [("hot", True)]


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        ({"ma": {"role": "both", "system": "ma"}}, {"ma_only": [], "sfa_only": []}),
        ({"ma": {"role": "ma", "system": "ma"}}, {"ma_only": [], "sfa_only": []}),
        # a tool that is both knows whom the marketing tool does not, but then for sales, too
        (
            {"ma": {"role": "ma", "system": "ma"}, "all": {"role": "both", "system": "all"}},
            {"ma_only": ["marketing"], "sfa_only": []},
        ),
        # two sources whose ids look alike are told apart by who told
        ({"ma": {"role": "ma"}, "sfa": {"role": "sfa"}}, {"ma_only": ["marketing"], "sfa_only": []}),
    ],
)
def test_roles(team_of, clock, roles, found) -> None:
    team = team_of(**roles)
    clock.now = FRIDAY + DAY
    system = next(iter(roles["ma"].keys() & {"system"}), None)
    lead = ma("a") if system else ExternalId("standard", "a")
    team.happens(named(team, "marketing", FRIDAY, lead))
    if "all" in roles:
        team.happens(named(team, "everywhere", FRIDAY, ExternalId("all", "b"), source="all"))
    assert one_sided(team) == found


def test_nobody_is_missed_in_a_tool_that_was_switched_off(team, state) -> None:
    team.happens(named(team, "marketing", FRIDAY, ma("a")))
    with state.database.write() as c:
        sources.disable(c, "sfa", FRIDAY)
    assert one_sided(team) == {"ma_only": [], "sfa_only": []}


def test_only_leads_that_changed_lately(team, clock) -> None:
    team.happens(named(team, "marketing", FRIDAY, ma("a")))
    clock.now += 30 * DAY
    assert team.rows(Kind.MA_ONLY, days=29) == []
    assert team.tally(Kind.MA_ONLY, days=29).count == 0
    assert len(team.rows(Kind.MA_ONLY, days=31)) == 1


# --- 3 ambiguous


def test_people_who_may_be_one(team, state, clock) -> None:
    team.happens(
        *(named(team, f"n{n}", FRIDAY + n * H, sfa(f"x{n}"), mail("info"), source="sfa") for n in range(3)),
    )
    with state.database.read() as c:
        asked = people.questions(c, limit=10).rows
    assert team.rows(Kind.AMBIGUOUS_IDENTITIES) == asked
    assert asked
    assert team.tally(Kind.AMBIGUOUS_IDENTITIES).count == len(asked)
    assert team.tally(Kind.AMBIGUOUS_IDENTITIES).oldest is not None
    with state.database.write() as c:
        decider = Decider("admin", clock(), state.versions.read(c))
        people.join(c, Whom(ids=[sfa("x0"), sfa("x1"), sfa("x2"), mail("info")]), decider)
    assert team.tally(Kind.AMBIGUOUS_IDENTITIES) == Tally(0, None)


# --- 4 status only


def contacted(team: Team, name: str, at: datetime) -> Fact:
    return team.fact("status", at, sfa(name), source="sfa", status="contacted", raw="架電済み", by="suzuki")


def test_a_status_as_the_only_follow_up(team) -> None:
    team.mql("sato", FRIDAY, contacted(team, "sato", FRIDAY + H))
    team.mql("ito", FRIDAY, contacted(team, "ito", FRIDAY + 2 * H))
    team.mql("kato", FRIDAY, team.call("kato", FRIDAY + H), contacted(team, "kato", FRIDAY + 2 * H))
    team.mql("mori", FRIDAY, contacted(team, "mori", FRIDAY + H), team.call("mori", FRIDAY + 2 * H))
    team.mql("abe", FRIDAY)
    found = team.rows(Kind.STATUS_ONLY)
    assert [(row.lead.name, row.status, row.owner, row.by) for row in found] == [
        ("Sato", "contacted", "田中 舞", "suzuki"),
        ("Ito", "contacted", "田中 舞", "suzuki"),
    ]
    assert team.tally(Kind.STATUS_ONLY) == Tally(2, FRIDAY + H)
    assert team.rows(Kind.STATUS_ONLY, days=5) == []


def test_a_handoff_that_does_not_count_needs_no_evidence(team) -> None:
    out = team.fact("disposition", FRIDAY + 2 * H, sfa("sato"), source="sfa", outcome="excluded", reason="test")
    team.mql("sato", FRIDAY, contacted(team, "sato", FRIDAY + H), out)
    assert team.rows(Kind.STATUS_ONLY) == []


def test_what_says_nothing_beside_a_status(team) -> None:
    automated = team.call("sato", FRIDAY + 2 * H, channel="email", automated=True)
    team.mql("sato", FRIDAY, contacted(team, "sato", FRIDAY + H), automated)
    taken = team.call("ito", FRIDAY + 2 * H, record="r1", revised_at=FRIDAY + 2 * H)
    back = team.fact("retracted", FRIDAY + 3 * H, sfa("ito"), source="sfa", record="r1", revised_at=FRIDAY + 3 * H)
    team.mql("ito", FRIDAY, contacted(team, "ito", FRIDAY + H), taken, back)
    assert {row.lead.name for row in team.rows(Kind.STATUS_ONLY)} == {"Sato", "Ito"}


# --- 5 late logging


def logged(team: Team) -> dict[str | None, tuple[int, int]]:
    """Team or owner (`*`: everybody) → late, all."""
    told = team.rows(Kind.LATE_LOGGING)
    return {"*" if each.everybody else each.whose: (each.late.part, each.late.whole) for each in told}


def test_late_entries_by_owner(team) -> None:
    calls = [
        team.call("sato", FRIDAY + n * H, by="suzuki", recorded_at=FRIDAY + n * H + delay * MINUTE)
        for n, delay in enumerate((5, 10, 121, 300))
    ]
    team.mql("sato", FRIDAY, *calls, team.call("sato", FRIDAY + 5 * H, recorded_at=FRIDAY + 9 * H))
    assert logged(team) == {"*": (3, 5), "suzuki": (2, 4), "田中 舞": (1, 1)}
    everybody, suzuki, tanaka = team.rows(Kind.LATE_LOGGING)
    assert (suzuki.median, suzuki.p90) == (65.5 * MINUTE, 300 * MINUTE)
    assert (everybody.oldest, suzuki.oldest, tanaka.oldest) == (FRIDAY + 2 * H, FRIDAY + 2 * H, FRIDAY + 5 * H)
    assert team.tally(Kind.LATE_LOGGING) == Tally(3, FRIDAY + 2 * H)


@pytest.mark.parametrize("known_as", ["田中 舞", "tanaka", "tanaka@sales.example"])
def test_late_entries_by_team_where_teams_are_named(team, known_as) -> None:
    """However the policy writes its members; who is in none stands for himself no more."""
    team.agrees(teams={"東日本": ("suzuki", known_as), "西日本": ("kato",)})
    by = [team.call("sato", FRIDAY + H, by=who, recorded_at=FRIDAY + 9 * H) for who in ("suzuki", "kato", "mori")]
    team.mql("sato", FRIDAY, *by, team.call("sato", FRIDAY + H))
    assert logged(team) == {"*": (3, 4), "東日本": (1, 2), "西日本": (1, 1), None: (1, 1)}


def test_received_counts_where_nobody_says_when_it_was_recorded(team) -> None:
    late = team.call("sato", FRIDAY, received_at=FRIDAY + 3 * H)
    team.mql("sato", FRIDAY, late, team.call("sato", FRIDAY + H, received_at=FRIDAY + 2 * H))
    assert logged(team)["田中 舞"] == (1, 2)


def test_what_a_poll_found_says_nothing_about_when_it_was_recorded(team) -> None:
    polled = team.delivery("sfa", FRIDAY + 9 * DAY, method="POLL")
    heard = {"delivery": polled, "received_at": FRIDAY + 9 * DAY}
    unknown = team.call("sato", FRIDAY, **heard)
    known = team.call("sato", FRIDAY + H, recorded_at=FRIDAY + 2 * H, **heard)
    team.mql("sato", FRIDAY, unknown, known)
    assert logged(team)["*"] == (0, 1)


def test_automated_mail_and_what_was_taken_back_are_no_entries(team) -> None:
    automated = team.call("sato", FRIDAY, channel="email", automated=True, recorded_at=FRIDAY + 9 * H)
    taken = team.call("sato", FRIDAY, record="r1", recorded_at=FRIDAY + 9 * H, revised_at=FRIDAY)
    back = team.fact("retracted", FRIDAY + H, sfa("sato"), source="sfa", record="r1", revised_at=FRIDAY + H)
    team.mql("sato", FRIDAY, automated, taken, back)
    assert logged(team) == {}


def test_an_edit_does_not_make_an_entry_late(team) -> None:
    first = team.call("sato", FRIDAY, record="r1", received_at=FRIDAY + H, revised_at=FRIDAY + H)
    edited = team.call("sato", FRIDAY, record="r1", received_at=FRIDAY + 2 * DAY, revised_at=FRIDAY + 2 * DAY)
    team.mql("sato", FRIDAY, first, edited)
    assert logged(team)["*"] == (0, 1)


def test_an_entry_by_hand_counts_like_any_other(team, clock) -> None:
    team.mql("sato", FRIDAY)
    clock.now = FRIDAY + 5 * H
    team.by_hand(team.leads()["Sato"], "follow_up", FRIDAY + H, channel="call", automated=False)
    assert logged(team)["田中 舞"] == (1, 1)


def test_what_lay_in_the_future_says_nothing_about_when_it_was_recorded(team) -> None:
    team.mql("sato", FRIDAY, team.call("sato", FRIDAY + 99 * DAY, received_at=FRIDAY, recorded_at=FRIDAY + 5 * H))
    assert logged(team) == {}


def test_only_what_was_written_down_lately(team) -> None:
    old = team.call("sato", FRIDAY, recorded_at=FRIDAY + H, received_at=FRIDAY + 9 * DAY)
    long_ago = team.call("sato", FRIDAY - 80 * DAY, recorded_at=FRIDAY + 9 * DAY, received_at=FRIDAY + 9 * DAY)
    team.mql("sato", FRIDAY, old, long_ago)
    with team.state.database.read() as c:
        (everybody, *_) = quality.rows(c, Kind.LATE_LOGGING, team.look(days=5), limit=9).rows
    assert (everybody.late.part, everybody.late.whole) == (1, 1)


# --- 6 score jumps


def test_scores_that_jump(team) -> None:
    moved = [team.fact("score", FRIDAY + n * MINUTE, ma("sato"), score=n * 30.5) for n in range(3)]
    team.happens(named(team, "Sato", FRIDAY, ma("sato")), *moved)
    many = [team.fact("score", FRIDAY + DAY + n * MINUTE / 2, ma(f"x{n}"), score=10) for n in range(20)]
    team.happens(*many)
    one, bulk = team.rows(Kind.SCORE_JUMPS)
    assert (one.lead.name, one.source, one.jump.before, one.jump.after) == ("Sato", "ma", 0, 61)
    assert isinstance(one.jump, Jump)
    assert (bulk.lead, bulk.source, bulk.jump.leads) == (None, "ma", 20)
    assert team.tally(Kind.SCORE_JUMPS) == Tally(2, FRIDAY)
    assert team.tally(Kind.SCORE_JUMPS, days=9).count == 1


def test_jumps_of_a_past_that_was_read_in_are_no_news(team) -> None:
    heard = {"received_at": FRIDAY + 9 * DAY}
    past = [team.fact("score", FRIDAY - 200 * DAY + n * MINUTE, ma("sato"), score=n * 80, **heard) for n in range(2)]
    team.happens(*past)
    assert team.rows(Kind.SCORE_JUMPS) == []


# --- 7 quarantined


def test_quarantined_deliveries_by_cause(team) -> None:
    for n in range(3):
        team.delivery("ma", FRIDAY + n * H, state="quarantined", reason=f"[{n}].occurredAt: no zone\n[9]: else")
    team.delivery("sfa", FRIDAY + 9 * H, state="quarantined", reason="occurredAt: no zone")
    newest = team.delivery("sfa", FRIDAY + 10 * H, state="quarantined", reason="occurredAt: no zone")
    team.delivery("sfa", FRIDAY, state="applied")
    first, second = team.rows(Kind.QUARANTINED)
    assert (first.source, first.cause, first.count) == ("ma", "occurredAt: no zone", 3)
    assert (first.oldest, first.newest) == (FRIDAY, FRIDAY + 2 * H)
    assert (second.source, second.count, second.delivery_id) == ("sfa", 2, newest)
    assert team.tally(Kind.QUARANTINED) == Tally(5, FRIDAY)


# --- 8 words


def test_statuses_that_nobody_mapped(team, state) -> None:
    def status(raw: str, at: datetime, **said: Any) -> Fact:
        return team.fact("status", at, sfa("sato"), **({"source": "sfa", "status": None, "raw": raw} | said))

    team.happens(
        status("架電済み", FRIDAY),
        status("謎", FRIDAY + H),
        status("架電済み", FRIDAY + 2 * H),
        status("working", FRIDAY + 3 * H, status="working"),
        status("架電済み", FRIDAY, source="ma"),
    )
    found = team.rows(Kind.UNMAPPED_STATUSES)
    assert [(row.source, row.word, row.count, row.newest) for row in found] == [
        ("sfa", "架電済み", 2, FRIDAY + 2 * H),
        ("ma", "架電済み", 1, FRIDAY),
        ("sfa", "謎", 1, FRIDAY + H),
    ]
    assert found[0].line == '"架電済み": contacted'
    assert team.tally(Kind.UNMAPPED_STATUSES) == Tally(4, FRIDAY)
    with state.database.write() as c:
        config = c.scalar(select(Source.config).where(Source.name == "sfa"))
        sources.configure(c, "sfa", {**config, "statuses": {"架電済み": "contacted"}})
    assert [(row.source, row.word) for row in team.rows(Kind.UNMAPPED_STATUSES)] == [("ma", "架電済み"), ("sfa", "謎")]


def test_activities_that_nothing_looks_at(team) -> None:
    def did(activity: str, at: datetime) -> Fact:
        return team.fact("activity", at, ma("sato"), activity=activity)

    team.happens(did("見学", FRIDAY), did("見学", FRIDAY + H), did("download", FRIDAY), did("email_open", FRIDAY))
    (row,) = team.rows(Kind.UNMAPPED_CHANNELS)
    assert (row.source, row.word, row.count, row.newest, row.line) == ("ma", "見学", 2, FRIDAY + H, None)
    assert team.tally(Kind.UNMAPPED_CHANNELS, days=5).count == 0


# --- 9 impossible times


def test_times_from_the_future(team, clock) -> None:
    ahead = team.call("sato", FRIDAY + 400 * DAY, received_at=FRIDAY + H)
    team.mql("sato", FRIDAY, ahead)
    (row,) = team.rows(Kind.IMPOSSIBLE_TIMES)
    assert (row.why, row.said, row.against, row.source) == ("future", FRIDAY + 400 * DAY, FRIDAY + H, "sfa")
    assert (row.lead.name, row.kind) == ("Sato", EventKind.FOLLOW_UP)
    assert team.tally(Kind.IMPOSSIBLE_TIMES) == Tally(1, FRIDAY + H)


@pytest.mark.parametrize(("days", "found"), [(0.9, 0), (1.1, 1), (3000, 1)])
def test_a_follow_up_before_anybody_knew_the_lead(team, days, found) -> None:
    known = FRIDAY - 5 * H
    team.mql("sato", FRIDAY, team.call("sato", known - days * DAY, received_at=FRIDAY))
    rows = team.rows(Kind.IMPOSSIBLE_TIMES)
    assert [(row.why, row.against) for row in rows] == [("too_early", known)] * found


def test_what_was_put_right_is_no_impossible_time(team) -> None:
    wrong = team.call("sato", FRIDAY - 300 * DAY, record="r1", received_at=FRIDAY, revised_at=FRIDAY)
    right = team.call("sato", FRIDAY + H, record="r1", revised_at=FRIDAY + 2 * H)
    ahead = team.call("sato", FRIDAY + 90 * DAY, record="r2", received_at=FRIDAY, revised_at=FRIDAY)
    gone = team.fact("retracted", FRIDAY + H, sfa("sato"), source="sfa", record="r2", revised_at=FRIDAY + H)
    team.mql("sato", FRIDAY, wrong, ahead)
    assert len(team.rows(Kind.IMPOSSIBLE_TIMES)) == 2
    team.happens(right, gone)
    assert team.rows(Kind.IMPOSSIBLE_TIMES) == []


def test_who_is_known_by_a_follow_up_alone_is_not_judged(team) -> None:
    team.happens(team.call("sato", FRIDAY - 300 * DAY, received_at=FRIDAY))
    assert team.rows(Kind.IMPOSSIBLE_TIMES) == []


# --- 10 pauses


def test_open_ended_pauses_by_owner(team, clock) -> None:
    clock.now = FRIDAY + H
    for number, name in enumerate(("sato", "ito", "kato", "mori")):
        team.mql(name, FRIDAY + number * MINUTE, owner=None if name == "ito" else "tanaka")
    sato, ito, kato, mori = (team.leads()[name] for name in ("Sato", "Ito", "Kato", "Mori"))
    team.by_hand(sato, "pause", FRIDAY + 30 * MINUTE, reason="折り返しのご希望")
    team.by_hand(ito, "pause", FRIDAY + 40 * MINUTE, reason="出張中")
    team.by_hand(kato, "pause", FRIDAY + 30 * MINUTE, reason="25日まで", until=(FRIDAY + 7 * DAY).isoformat())
    team.by_hand(mori, "pause", FRIDAY + 20 * MINUTE, reason="保留")
    owned, nobodys = team.rows(Kind.OPEN_ENDED_PAUSES)
    assert (owned.owner, [each.lead.name for each in owned.paused]) == ("田中 舞", ["Mori", "Sato"])
    assert (nobodys.owner, [each.pause.reason for each in nobodys.paused]) == (None, ["出張中"])
    assert owned.paused[0].pause.until == FRIDAY + 20 * MINUTE + 30 * DAY
    assert team.tally(Kind.OPEN_ENDED_PAUSES) == Tally(3, FRIDAY + 20 * MINUTE)
    team.by_hand(sato, "resume", FRIDAY + 50 * MINUTE)
    team.happens(team.call("mori", FRIDAY + 55 * MINUTE))
    assert [row.owner for row in team.rows(Kind.OPEN_ENDED_PAUSES)] == [None]
    clock.now = FRIDAY + 31 * DAY
    assert team.rows(Kind.OPEN_ENDED_PAUSES) == []
