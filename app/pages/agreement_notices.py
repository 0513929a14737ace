"""Who hears of what, in the text of the SLA."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.agreement import AlertRoute, Escalation
from app.domain.policy import Policy
from app.pages.agreement_words import REASONS, WAYS, Say, amount


def paragraphs(policy: Policy, say: Say) -> Iterator[str]:
    yield _warning(policy, say)
    yield from (_route(route, say) for route in policy.alerts)
    yield from (_step(step, say) for step in policy.escalation)
    yield say(
        "Who acknowledges a lead is left alone for {hours} open hours; the clock goes on.",
        hours=amount(policy.acknowledged_hours),
    )
    if policy.intake_email:
        yield say("Of leads without an owner hears {address}.", address=policy.intake_email)


def _warning(policy: Policy, say: Say) -> str:
    if policy.warn_hours_before is not None:
        return say("There is a warning {hours} hours before the deadline.", hours=amount(policy.warn_hours_before))
    if policy.warn_when_left:
        return say("There is a warning when {share} % of the time is left.", share=amount(policy.warn_when_left * 100))
    return say("There is no warning before the deadline.")


def _route(route: AlertRoute, say: Say) -> str:
    told = say.several(say(REASONS[reason]) for reason in route.on)
    message = (
        "{who} hears by {way}, at any hour, of: {told}."
        if route.page
        else "{who} hears by {way}, in opening hours, of: {told}."
    )
    return say(message, who=_who(route.to, say), way=say(WAYS[route.channel]), told=told)


def _step(step: Escalation, say: Say) -> str:
    return say(
        "If a breach lasts for {hours} open hours, {who} hears of it by {way}.",
        hours=amount(step.after_hours), who=_who(step.to, say), way=say(WAYS[step.channel]),
    )  # fmt: skip


def _who(to: str, say: Say) -> str:
    return say("the owner") if to == "owner" else to
