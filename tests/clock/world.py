"""A company, its two tools and its people, as Tasuki meets them: webhooks and REST in, verdicts and messages out."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, tuple_
from starlette.testclient import TestClient

from app.domain.calendar import japanese_office
from app.domain.policy import default_policy
from app.flows import rebuild
from app.models import Alert, Delivery, Feed, Handoff, LeadIdentity
from app.notify.contract import Message, TryLater
from app.scheduler import Scheduler
from app.state import State
from tests.conftest import Clock

JST = ZoneInfo("Asia/Tokyo")
H, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
#: Monday to Friday.
WEEK = ("mon", "tue", "wed", "thu", "fri")
#: Handoffs of a world whose explanations are compared at its end.
CHECKED = 8
NAMES = {"tanaka": "田中 舞", "suzuki": "鈴木 一郎", "kato": "加藤 葵"}

Said = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that reached somebody."""

    at: datetime
    channel: str
    to: str
    message: Message

    @property
    def words(self) -> str:
        """Everything that stands in it."""
        told = self.message
        fields = (f"{label}: {value}" for label, value in told.fields)
        return "\n".join([told.title, *fields, *(link.label for link in told.links), told.footnote])


@dataclass
class Ear:
    """A channel that delivers to a list; while `deaf` it can be reached by nobody."""

    name: str
    clock: Clock
    heard: list[Heard]
    deaf: bool = False
    #: Happens just before a delivery.
    before: Callable[[], object] = field(default=lambda: None)

    def deliver(self, message: Message, recipient: str) -> None:
        if self.deaf:
            raise TryLater("nobody answers")
        self.before()
        self.heard.append(Heard(self.clock(), self.name, recipient, message))


class World:
    """`at`, `later`: time passes and everything that happens by itself happens at its moment."""

    def __init__(self, state: State, client: TestClient, clock: Clock, headers: dict[str, str]) -> None:
        self.state, self.client, self.clock, self.headers = state, client, clock, headers
        self.zone = JST
        self.heard: list[Heard] = []
        self.ears = {name: Ear(name, clock, self.heard) for name in ("slack", "email", "log")}
        state.channels = dict(self.ears)
        self.scheduler = Scheduler(state)
        self.secrets: dict[str, str] = {}
        #: The documents as they were applied last.
        self.policies = {"mql": default_policy().model_dump(mode="json", by_alias=True, exclude_none=True)}
        self.calendars = {"default": japanese_office().model_dump(mode="json", exclude_none=True)}
        self._numbers = itertools.count(1)

    # --- time

    def moment(self, told: str | datetime) -> datetime:
        """`2026-09-18 17:30` or `17:30` of the clock's day, in the world's zone."""
        if isinstance(told, datetime):
            return told.astimezone(UTC)
        if len(told) <= 8:
            told = f"{self.clock().astimezone(self.zone):%Y-%m-%d} {told}"
        return datetime.fromisoformat(told).replace(tzinfo=self.zone).astimezone(UTC)

    def at(self, told: str | datetime) -> datetime:
        """Time passes until then."""
        target = self.moment(told)
        assert target >= self.clock(), f"time does not go back to {told}"
        if self._owes_now():
            self.turn()
        while (following := self._next_moment()) is not None and following < target:
            self.clock.now = following
            self.turn()
        self.clock.now = target
        self.turn()
        return target

    def later(self, **span: float) -> datetime:
        return self.at(self.clock() + timedelta(**span))

    def down_until(self, told: str | datetime) -> datetime:
        """The process stands still until then, and comes back."""
        self.clock.now = self.moment(told)
        self.turn()
        return self.clock()

    def turn(self) -> None:
        """Every scheduled job once, now, but for the meetings, which no clock waits for; what one raises fails the
        test."""
        self.drain()
        for name, job, _ in self.scheduler._jobs():
            if name != "meetings":
                job()

    def sweep(self) -> None:
        self._job("sweep")

    def send_alerts(self) -> None:
        self._job("alerts")

    def _job(self, wanted: str) -> None:
        (job,) = (job for name, job, _ in self.scheduler._jobs() if name == wanted)
        job()

    def _owes_now(self) -> bool:
        """Whether a message waits for nothing but the next turn."""
        due = select(Alert.id).where(Alert.state.in_(("owed", "asking")), Alert.not_before <= self.clock())
        with self.state.database.read() as c:
            return c.scalar(due.limit(1)) is not None

    def _next_moment(self) -> datetime | None:
        """When something may happen by itself again."""
        now = self.clock()
        waiting = [
            select(Handoff.check_again_at).where(Handoff.check_again_at > now),
            select(Alert.not_before).where(Alert.state.in_(("owed", "asking")), Alert.not_before > now),
            select(Delivery.not_before).where(Delivery.state.in_(("waiting", "asking")), Delivery.not_before > now),
            select(Feed.poll_at).where(Feed.poll_at > now),
        ]
        with self.state.database.read() as c:
            found = [c.scalar(query.order_by(query.selected_columns[0]).limit(1)) for query in waiting]
        return min((at for at in found if at), default=None)

    # --- the tools

    def source(self, name: str, kind: str = "standard", **config: object) -> None:
        self.secrets[name] = self.tell("/v1/sources", name=name, kind=kind, config=config)["secret"]

    def configure(self, name: str, **config: object) -> None:
        """Change the settings of a source; what is not named stays."""
        before = self.get(f"/v1/sources/{name}")["config"]
        self.tell(f"/v1/sources/{name}/config", method="PUT", config=before | config)

    def post(self, *events: Said, source: str = "sfa") -> None:
        """One signed delivery, accepted and not yet read."""
        body = json.dumps(events[0] if len(events) == 1 else list(events), ensure_ascii=False).encode()
        message_id, sent_at = f"msg_{next(self._numbers)}", str(int(self.clock().timestamp()))
        key = base64.b64decode(self.secrets[source].removeprefix("whsec_"))
        proof = base64.b64encode(hmac.digest(key, f"{message_id}.{sent_at}.".encode() + body, hashlib.sha256)).decode()
        signed = {"webhook-id": message_id, "webhook-timestamp": sent_at, "webhook-signature": f"v1,{proof}"}
        answer = self.client.post(f"/webhooks/{source}", content=body, headers=signed)
        assert answer.status_code == 202, answer.text

    def send(self, *events: Said, source: str = "sfa") -> None:
        """One signed delivery, accepted and read."""
        self.post(*events, source=source)
        self.drain()

    def drain(self) -> None:
        while self.state.ledger.drain(self.clock()):
            pass

    def fact(self, kind: str, lead: str, at: str | datetime | None = None, **said: Any) -> Said:
        """An event as a tool says it; `lead` is a handle like `sato`."""
        happened = self.moment(at) if at else self.clock()
        number = f"{kind}-{next(self._numbers)}"
        return {"id": number, "kind": kind, "occurred_at": happened.isoformat(), "lead": _in_sfa(lead)} | said

    def marketing_fact(self, kind: str, lead: str, at: str | datetime | None = None, **said: Any) -> Said:
        return self.fact(kind, lead, at) | {"lead": _in_ma(lead)} | said

    def known(self, lead: str, at: str | datetime | None = None, **said: Any) -> None:
        """The marketing tool says who somebody is."""
        about = {"name": lead.capitalize(), "company": "山田製作所"} | said
        self.send(self.marketing_fact("lead", lead, at, **about), source="ma")

    def score(self, lead: str, value: float, at: str | datetime | None = None, **said: Any) -> None:
        self.send(self.marketing_fact("score", lead, at, score=value, **said), source="ma")

    def download(self, lead: str, asset: str, at: str | datetime | None = None, **said: Any) -> None:
        self.send(self.downloaded(lead, asset, at, **said), source="ma")

    def downloaded(self, lead: str, asset: str, at: str | datetime | None = None, **said: Any) -> Said:
        read = {"activity": "download", "asset": asset, "title": f"資料 {asset}"}
        return self.marketing_fact("activity", lead, at, **read | said)

    def mql(
        self, lead: str, at: str | datetime | None = None, *, owner: str | None = "tanaka", score: float = 86
    ) -> Said:
        """Time passes until then, and the lead's score completes the rule; its handoff."""
        now = self.at(at) if at else self.clock()
        if owner:
            self.owner(lead, owner, now - MINUTE)
        self.becomes_mql(lead, now, score=score)
        return self.handoff(lead)

    def becomes_mql(self, lead: str, at: str | datetime, *, score: float = 86) -> None:
        """The marketing tool tells how a lead completed the rule at that moment."""
        self.send(*self.evidence(lead, at, score=score), source="ma")

    def evidence(self, lead: str, at: str | datetime, *, score: float = 86) -> list[Said]:
        now = self.moment(at)
        about = {"name": lead.capitalize(), "company": "山田製作所"}
        read = (self.downloaded(lead, f"a{n}-{now:%m%d}", now - n * H) for n in (3, 2, 1))
        scored = self.marketing_fact("score", lead, now, score=score)
        return [self.marketing_fact("lead", lead, now - 3 * H, **about), *read, scored]

    def owner(self, lead: str, owner: str | None, at: str | datetime | None = None) -> None:
        self.send(self.owned(lead, owner, at))

    def owned(self, lead: str, owner: str | None, at: str | datetime | None = None) -> Said:
        whose = {"name": NAMES.get(owner, owner), "email": f"{owner}@example.com"} if owner else {}
        return self.fact("owner", lead, at, owner=owner, **whose)

    def called(self, lead: str, at: str | datetime | None = None, **said: Any) -> Said:
        return self.fact("follow_up", lead, at, **{"channel": "call", "automated": False, "by": "田中 舞"} | said)

    def call(self, lead: str, at: str | datetime | None = None, **said: Any) -> None:
        self.send(self.called(lead, at, **said))

    def status(self, lead: str, status: str, at: str | datetime | None = None) -> None:
        self.send(self.fact("status", lead, at, status=status))

    def disposition(self, lead: str, outcome: str, reason: str | None = None, at: str | datetime | None = None) -> None:
        self.send(self.fact("disposition", lead, at, outcome=outcome, **({"reason": reason} if reason else {})))

    # --- REST

    def ask(self, method: str, path: str, **given: Any) -> Any:
        """The raw answer."""
        headers = self.headers | given.pop("headers", {})
        return self.client.request(method, path, headers=headers, **given)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, path: str, method: str = "POST", **body: Any) -> Any:
        """Something is changed through REST; what it answered."""
        answer = self.ask(method, path, json=body)
        assert answer.status_code in (200, 201, 202, 204), answer.text
        return answer.json() if answer.content else None

    def record(self, lead: str, kind: str, at: str | datetime | None = None, **said: Any) -> Said:
        """Somebody says by hand what was done about the lead."""
        happened = {"occurred_at": self.moment(at).isoformat()} if at else {}
        entry: Said = {"lead_id": self.lead_id(lead), "kind": kind} | happened | said
        made: Said = self.tell("/v1/follow-ups", **entry)
        return made

    def pause(self, lead: str, until: str | datetime | None = None, at: str | datetime | None = None) -> Said:
        """The customer asked to wait."""
        end = {"until": self.moment(until).isoformat()} if until else {}
        return self.record(lead, "pause", at, reason="折り返しのご希望", **end)

    def policy(self, **changes: Any) -> Said:
        """The next version of the policy, or of the one whose `key` is named, with these keys changed."""
        key = changes.get("key", "mql")
        self.policies[key] = self.policies.get(key, self.policies["mql"]) | changes
        made: Said = self.tell("/v1/policies", policy=self.policies[key])
        return made

    def calendar(self, **changes: Any) -> Said:
        """The next version of the default calendar, or of the one whose `key` is named, with these keys changed."""
        key = changes.get("key", "default")
        self.calendars[key] = self.calendars.get(key, self.calendars["default"]) | changes
        made: Said = self.tell("/v1/calendars", calendar=self.calendars[key])
        return made

    def hours(self, *spans: str, target: float, clock: str = "business_hours", **calendar: Any) -> None:
        """The SLA counts these hours, Monday to Friday unless `weekly` says otherwise."""
        self.calendar(**{"weekly": {day: list(spans) for day in WEEK}} | calendar)
        self.policy(clock=clock, target=target)

    def lead(self, lead: str) -> Said:
        """Whom the tools call so."""
        file: Said = self.get(f"/v1/leads/{self.lead_id(lead)}")
        return file

    def lead_id(self, lead: str) -> int:
        names = (("ma", f"m-{lead}"), ("sfa", f"s-{lead}"))
        with self.state.database.read() as c:
            named = select(LeadIdentity.lead_id).where(tuple_(LeadIdentity.system, LeadIdentity.value).in_(names))
            found: int | None = c.scalar(named)
        if found is None:
            raise LookupError(f"{lead}; quarantined: {self.quarantined()}")
        return found

    def quarantined(self) -> list[str]:
        """Why deliveries were not understood."""
        found = self.get("/v1/deliveries", state="quarantined")["items"]
        return [reason for delivery in found for reason in delivery["reasons"]]

    def handoffs(self, lead: str, duty: str = "follow_up") -> list[Said]:
        """In their order."""
        return [one for one in self.lead(lead)["handoffs"] if one.get("duty", "follow_up") == duty]

    def handoff(self, lead: str, duty: str = "follow_up") -> Said:
        """The newest."""
        return self.handoffs(lead, duty)[-1]

    def verdict(self, lead: str) -> str:
        verdict: str = self.handoff(lead)["verdict"]
        return verdict

    def due(self, lead: str) -> str:
        """`2026-09-19 17:30` in the world's zone."""
        return self.shown(self.handoff(lead)["due_at"])

    def shown(self, told: str | datetime) -> str:
        at = datetime.fromisoformat(told) if isinstance(told, str) else told
        return f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}"

    def explain(self, lead: str) -> Said:
        return self.explain_handoff(self.handoff(lead)["id"])

    def explain_handoff(self, handoff_id: int) -> Said:
        explanation: Said = self.get(f"/v1/handoffs/{handoff_id}/explain")
        return explanation

    def verdicts(self, lead: str) -> list[str]:
        """In the order in which they became known."""
        return [step["verdict"] for step in self.explain(lead)["verdicts"]]

    def standings(self, lead: str) -> list[str]:
        """How each act of sales counts, in event time."""
        return [touch["standing"] for touch in self.explain(lead)["touches"]]

    def told(self, lead: str) -> list[tuple[str, str]]:
        """(reason, channel) of the alerts about the lead's handoff that were sent, oldest first."""
        alerts = sorted(self.explain(lead)["alerts"], key=lambda each: each["id"])
        return [(each["reason"], each["channel"]) for each in alerts if each["state"] in ("sent", "withdrawn")]

    def heard_of(self, lead: str, channel: str = "slack") -> list[Heard]:
        """Messages in which the lead is named."""
        return [each for each in self.heard if each.channel == channel and lead.capitalize() in each.words]

    # --- the meeting

    def agenda(self) -> Said:
        found: Said = self.get("/v1/meetings/next/agenda.json", live=True)
        return found

    def agenda_text(self) -> str:
        answer = self.ask("GET", "/v1/meetings/next/agenda.md?live=true", headers={"Accept-Language": "ja"})
        assert answer.status_code == 200, answer.text
        return str(answer.text)

    def on_agenda(self, lead: str) -> Said | None:
        """The lead's line, with the cause of its group."""
        wanted = self.handoff(lead)["id"]
        for group in self.agenda()["breaches"]["groups"]:
            for entry in group["entries"]:
                if entry["handoff_id"] == wanted:
                    line: Said = entry | {"cause": group["cause"]}
                    return line
        return None

    def report(self, first: str, last: str | None = None, **asked: str) -> Said:
        """SLA attainment of these days."""
        found: Said = self.get("/v1/reports/attainment", first=first, last=last or first, **asked)
        return found

    def to_mend(self, kind: str) -> list[Said]:
        """What the data leaves to be mended."""
        found: list[Said] = self.get(f"/v1/quality/{kind}")["items"]
        return found

    # --- what must hold in every world

    def check(self) -> None:
        """The ledger says the same as the tables, and every way to ask gives the same answer."""
        now = self.clock()
        assert rebuild.check(self.state.database, now) == []
        handoffs = self.get("/v1/handoffs", limit=200)["items"]
        for listed in handoffs[:CHECKED]:
            self._check_explanation(listed, self.explain_handoff(listed["id"]))
        if missed := {one["id"] for one in handoffs if one["verdict"] == "breached"}:
            groups = self.agenda()["breaches"]["groups"]
            assert missed <= {entry["handoff_id"] for group in groups for entry in group["entries"]}

    def _check_explanation(self, listed: Said, said: Said) -> None:
        assert said["handoff"] == listed
        assert said["receipt"]["due_at"] == listed["due_at"]
        assert said["verdicts"][-1]["verdict"] == listed["verdict"]
        if listed["verdict"] == "voided":
            return
        stopped = [touch["occurred_at"] for touch in said["touches"] if touch["standing"] in ("in_time", "late")]
        first = listed["first_touch"]
        assert stopped == ([first["at"]] if first else [])


def _in_ma(lead: str) -> Said:
    return {"id": f"m-{lead}", "email": f"{lead}@example.jp"}


def _in_sfa(lead: str) -> Said:
    """The sales tool keeps the marketing tool's id on its record."""
    return {"id": f"s-{lead}", "email": f"{lead}@example.jp", "ids": {"ma": f"m-{lead}"}}
