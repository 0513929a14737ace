"""The six questions of the first run: what each page shows, and what its answer does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request

from app.domain import examples
from app.domain.agreement import AlertRoute
from app.domain.calendar import ClockKind
from app.domain.deadline import deadline
from app.domain.policy import Policy, PolicyVersion
from app.domain.refusals import refused, validated
from app.domain.rules import PRESETS, explain_rule
from app.domain.series import Series
from app.flows import lists, meetings, publish, setting_up
from app.flows.administer import Admin, set_series
from app.flows.setting_up import Step
from app.notify.contract import Message, TryLater, Undeliverable
from app.pages import agreement_words, forms, meeting_words, session, source_forms
from app.pages.agreement_words import Say
from app.pages.forms import Fields
from app.pages.rendering import Reader, reader_of
from app.state import State
from connectors import registry
from connectors.contract import LeadStatus

#: The kinds of clock to choose from: unit and how many.
OFFERS = (
    (ClockKind.ELAPSED, 24.0),
    (ClockKind.BUSINESS_HOURS, 9.0),
    (ClockKind.BUSINESS_DAYS, 1.0),
    (ClockKind.BUSINESS_HOURS, 24.0),
    (ClockKind.BUSINESS_DAYS, 2.0),
)
#: Message ids.
TITLES = {
    Step.CLOCK: "How long sales has",
    Step.RULE: "Which leads are MQL",
    Step.FOLLOW_UP: "What counts as a follow-up",
    Step.ALERTS: "Who hears of it",
    Step.MEETING: "When sales and marketing meet",
    Step.SOURCE: "The first tool",
}
PRESET_NAMES = {"article": "Score and downloads", "score_only": "Score alone"}


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind of clock with the deadlines that it would give the example leads."""

    value: str
    words: str
    due: tuple[datetime, ...]


#: What the same page shows besides once an answer was given; None: on to the next question.
Again = dict[str, Any] | None


def decided(request: Request, step: Step) -> Again:
    state: State = request.app.state.tasuki
    with state.database.write() as c:
        setting_up.decide(c, admin(request), step)
    return None


def admin(request: Request) -> Admin:
    return Admin(session.visitor(request).by, request.app.state.tasuki.clock())


def agreed(state: State) -> PolicyVersion:
    """The SLA that the steps are about: the first that is tried, in its newest version."""
    with state.database.read() as c:
        entries = lists.policy_versions(c, state.versions.read(c))
    key = min((entry.version.policy for entry in entries), key=lambda policy: policy.order).key
    return [entry.version for entry in entries if entry.version.policy.key == key][-1]


def publish_with(request: Request, step: Step, **changed: Any) -> Again:
    """The SLA with these entries changed. Raises Refused; places begin at the policy."""
    state: State = request.app.state.tasuki
    now = state.clock()
    version = agreed(state)
    wanted = validated(Policy, version.policy.model_dump(mode="json") | changed)
    note = reader_of(request).text(TITLES[step])
    publish.policy(
        state.database, state.versions, wanted,
        by=session.visitor(request).by, now=now, note=note, based_on=version.version,
    )  # fmt: skip
    return decided(request, step)


# --- the clock


def show_clock(_state: State, version: PolicyVersion, reader: Reader) -> dict[str, Any]:
    arrivals, say = examples.arrivals(version.calendar, reader.now), Say(reader.locale)
    now = (version.policy.clock, version.policy.target)
    kinds = OFFERS if now in OFFERS else (now, *OFFERS)
    offers = [
        Offer(
            f"{clock}:{target:g}",
            agreement_words.within(clock, target, say),
            tuple(deadline(each.at, clock, target, version.calendar).due for each in arrivals),
        )
        for clock, target in kinds
    ]
    return {"arrivals": arrivals, "offers": offers, "chosen": f"{now[0]}:{now[1]:g}"}


def decide_clock(request: Request, sent: Fields) -> Again:
    clock, _, target = sent.get("clock", "").partition(":")
    if clock not in set(ClockKind) or not target.replace(".", "", 1).isdecimal():
        raise refused("/clock", "needed", "Choose one of the clocks.")
    return publish_with(request, Step.CLOCK, clock=clock, target=float(target))


# --- the rule


def show_rule(_state: State, version: PolicyVersion, reader: Reader) -> dict[str, Any]:
    presets = {key: (PRESET_NAMES[key], explain_rule(rule, reader.locale)) for key, rule in PRESETS.items()}
    chosen = next((key for key, rule in PRESETS.items() if rule == version.policy.rule), "as_it_is")
    if chosen == "as_it_is":
        presets[chosen] = ("As it is agreed now", explain_rule(version.policy.rule, reader.locale))
    return {"presets": presets, "chosen": chosen}


def decide_rule(request: Request, sent: Fields) -> Again:
    preset = sent.get("preset", "")
    if preset == "as_it_is":
        return decided(request, Step.RULE)
    if preset not in PRESETS:
        raise refused("/preset", "needed", "Choose one of the rules.")
    return publish_with(request, Step.RULE, rule=PRESETS[preset].model_dump(mode="json"))


# --- follow-ups


def show_follow_up(_state: State, _version: PolicyVersion, _reader: Reader) -> dict[str, Any]:
    return {"channels": agreement_words.CHANNELS, "statuses": agreement_words.STATUSES}


def decide_follow_up(request: Request, sent: Fields) -> Again:
    channels = [channel for channel in agreement_words.CHANNELS if f"channel-{channel}" in sent]
    statuses = [status.value for status in LeadStatus if f"status-{status}" in sent]
    ticked = {name: name in sent for name in ("dispositions", "owner_only")}
    if not channels and not statuses and not ticked["dispositions"]:
        raise refused("/channels", "needed", "Something has to stop the clock; tick one line or more.")
    before = agreed(request.app.state.tasuki).policy.follow_ups
    wanted = before.model_dump(mode="json") | ticked | {"channels": channels, "statuses": statuses}
    return publish_with(request, Step.FOLLOW_UP, follow_ups=wanted)


# --- alerts


def show_alerts(state: State, version: PolicyVersion, _reader: Reader) -> dict[str, Any]:
    here = [name for name in ("slack", "email", "log") if name in state.channels]
    return {"channels": here, "routes": version.policy.alerts, "slack": sorted(state.settings.slack_webhooks)}


def decide_alerts(request: Request, sent: Fields) -> Again:
    """With the button that tests, a message goes out and nothing is decided."""
    state: State = request.app.state.tasuki
    wanted = {"channel": sent.get("channel", ""), "to": sent.get("to", "").strip()}
    if sent.get("keep"):
        return decided(request, Step.ALERTS)
    if wanted["channel"] not in state.channels:
        raise refused("/channel", "needed", "Choose a channel that is set up.")
    route = validated(AlertRoute, wanted)
    if "test" in sent:
        return {"tested": _send_test(request, route), "attempt": forms.Attempt(Step.ALERTS, sent)}
    owners = [AlertRoute(channel="email")] if "owners" in sent and "email" in state.channels else []
    routes = [each.model_dump(mode="json") for each in dict.fromkeys((route, *owners))]
    return publish_with(request, Step.ALERTS, alerts=routes)


def _send_test(request: Request, route: AlertRoute) -> str:
    """What is said about it. Raises Refused."""
    state, reader = request.app.state.tasuki, reader_of(request)
    if route.to == "owner":
        raise refused("/to", "needed", "Write whom the test goes to.")
    message = Message(
        f"test-{int(reader.now.timestamp())}",
        reader.text("Test message of Tasuki"),
        footnote=reader.text("Alerts about leads will come this way."),
        locale=reader.locale,
    )
    try:
        state.channels[route.channel].deliver(message, route.to)
    except (TryLater, Undeliverable) as why:
        raise refused("/to", "not_delivered", "It was not delivered: {why}", why=str(why)) from why
    return reader.text("The test message was sent at {time}. Look whether it arrived.", time=reader.moment(reader.now))


# --- the meeting


def show_meeting(state: State, _version: PolicyVersion, _reader: Reader) -> dict[str, Any]:
    with state.database.read() as c:
        stored = meetings.read_series(c)
    return {"series": stored.series, "said": meeting_words}


def decide_meeting(request: Request, sent: Fields) -> Again:
    state: State = request.app.state.tasuki
    with state.database.read() as c:
        stored = meetings.read_series(c)
    given: dict[str, Any] = {name: sent.get(name, "") for name in ("weekday", "time", "first")}
    given |= {name: forms.whole(sent, name) for name in ("minutes", "every_weeks")}
    wanted = validated(Series, stored.series.model_dump(mode="json") | given)
    with state.database.write() as c:
        set_series(c, admin(request), meetings.DEFAULT, wanted, stored.calendar_key)
        setting_up.decide(c, admin(request), Step.MEETING)
    return None


# --- the first tool


def show_source(state: State, _version: PolicyVersion, _reader: Reader) -> dict[str, Any]:
    with state.database.read() as c:
        known = lists.all_sources(c, state.vault)
    return {"kinds": registry.kinds(), "sources": known}


def decide_source(request: Request, sent: Fields) -> Again:
    """The address and the secret for the tool, shown this once."""
    state: State = request.app.state.tasuki
    new = source_forms.new_source(sent)
    with state.database.write() as c:
        source_forms.add(c, state, admin(request), new)
        setting_up.decide(c, admin(request), Step.SOURCE)
    state.directory.forget()
    given = source_forms.to_enter(state, new.name, new.kind, new.secret, ours=new.ours)
    return {"status": 201, "given": given}


SHOWN: dict[Step, Callable[[State, PolicyVersion, Reader], dict[str, Any]]] = {
    Step.CLOCK: show_clock,
    Step.RULE: show_rule,
    Step.FOLLOW_UP: show_follow_up,
    Step.ALERTS: show_alerts,
    Step.MEETING: show_meeting,
    Step.SOURCE: show_source,
}
DECIDES: dict[Step, Callable[[Request, Fields], Again]] = {
    Step.CLOCK: decide_clock,
    Step.RULE: decide_rule,
    Step.FOLLOW_UP: decide_follow_up,
    Step.ALERTS: decide_alerts,
    Step.MEETING: decide_meeting,
    Step.SOURCE: decide_source,
}
