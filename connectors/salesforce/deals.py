"""What an opportunity says about the person on it."""

from __future__ import annotations

from connectors.contract import CanonicalEvent, EventKind, ExternalId
from connectors.salesforce.config import DealState
from connectors.salesforce.people import modified_at
from connectors.salesforce.snapshot import NotUnderstood, Snapshot, present

STAGES: dict[str, DealState] = {
    "Prospecting": "open",
    "Qualification": "open",
    "Needs Analysis": "open",
    "Value Proposition": "open",
    "Id. Decision Makers": "open",
    "Perception Analysis": "open",
    "Proposal/Price Quote": "open",
    "Negotiation/Review": "open",
    "Closed Won": "won",
    "Closed Lost": "lost",
}


def opened(seen: Snapshot) -> CanonicalEvent | None:
    """That it was opened, and when: the state that the record shows now may be much younger."""
    created, changed = seen.instant("CreatedDate"), modified_at(seen)
    if created is None or created == changed or seen.flag("IsDeleted"):
        return None
    whom = deal_contact(seen)
    if whom is None:
        return None
    data = {"opportunity": seen.id, "state": "open"} | present(name=seen.text("Name"))
    return seen.fact(EventKind.OPPORTUNITY, [whom], data, value=["opened", whom.value], at=created)


def opportunity(seen: Snapshot) -> CanonicalEvent | None:
    """A deleted opportunity says nothing: that there was one stays true."""
    whom = None if seen.flag("IsDeleted") else deal_contact(seen)
    if whom is None:
        return None
    state, amount = deal_state(seen), seen.number("Amount")
    data = {"opportunity": seen.id, "state": state}
    data |= present(stage=seen.text("StageName"), amount=amount, name=seen.text("Name"))
    return seen.fact(EventKind.OPPORTUNITY, [whom], data, value=[data, whom.value], at=modified_at(seen))


def stage_change(seen: Snapshot) -> CanonicalEvent | None:
    """A row of OpportunityFieldHistory: which stage the deal reached, and exactly when. Whether a stage of a company's
    own is open, won or lost stands only in the deal as it is now, so the row of one that is not in `stages` is left."""
    stage, at = seen.text("NewValue"), seen.instant("CreatedDate")
    state = {**STAGES, **seen.config.stages}.get(stage or "")
    whom = seen.person(f"Opportunity.{seen.config.opportunity_contact_field}")
    if state is None or whom is None or at is None:
        return None
    data = {"opportunity": seen.id, "state": state, "stage": stage}
    return seen.fact(EventKind.OPPORTUNITY, [whom], data, value=[data, whom.value], at=at)


def deal_contact(seen: Snapshot) -> ExternalId | None:
    """None: there is nobody on an opportunity that was asked for, as on many that are nobody's lead."""
    field = seen.config.opportunity_contact_field
    if field and (whom := seen.person(field)):
        return whom
    if seen.asked_for:
        return None
    if not field:
        raise NotUnderstood("", "set opportunity_contact_field of the source to the field with the Contact or Lead")
    advice = f"fill in {field}, and choose it in the outbound message of Opportunity"
    raise NotUnderstood(field, f"there is no person on the opportunity: {advice}")


def deal_state(seen: Snapshot) -> DealState:
    """IsClosed and IsWon where the message has them, because stages have the names that a company gave them."""
    closed, won, stage = seen.flag("IsClosed"), seen.flag("IsWon"), seen.text("StageName")
    if won:
        return "won"
    if closed is False:
        return "open"
    if closed and won is False:
        return "lost"
    named = {**STAGES, **seen.config.stages}.get(stage or "")
    if named is None:
        advice = "add IsClosed and IsWon to the outbound message, or the stage to stages of the source"
        raise NotUnderstood("StageName", f"the stage does not say whether it is open, won or lost: {advice}")
    return named
