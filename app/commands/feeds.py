"""`tasuki feeds`: whether each source is heard as often as usual, and how far it was polled."""

from __future__ import annotations

from typing import Any

from app.commands.opening import opened
from app.commands.printing import AsJson, Terminal
from app.domain.language import span
from app.flows import feeds
from app.flows.feeds import Standing


def feeds_(as_json: AsJson = False) -> None:
    """How the sources' feeds stand: last delivery, usual gap, silences, polling."""
    with opened() as (state, terminal):
        with state.database.read() as c:
            found = feeds.standings(c, feeds.default_calendar(c))
        if as_json:
            terminal.json([_entry(standing) for standing in found])
        elif not found:
            terminal.say("There is no source yet. Add one: `tasuki source add NAME KIND`.")
        else:
            columns = ("Name", "Role", "Last delivery", "Longest usual gap", "State", "Polled up to", "Recovered")
            terminal.table(columns, [_row(standing, terminal) for standing in found])
            _explain(found, terminal)


def _entry(standing: Standing) -> dict[str, Any]:
    hearing, silence = standing.hearing, standing.silence
    return {
        "source": standing.name,
        "kind": standing.kind,
        "role": standing.role,
        "disabled": standing.disabled,
        "heard_at": hearing.heard_at,
        "expected_gap_seconds": None if hearing.expected is None else int(hearing.expected.total_seconds()),
        "expected_from": standing.expected_from,
        "silence": silence and {"why": silence.why, "since": silence.since, "noticed_at": silence.noticed_at},
        "polled_through": hearing.polled_through,
        "next_poll_at": standing.poll_at,
        "recovered": standing.recovered,
        "failures": hearing.failures,
        "error": standing.poll_error,
    }


def _row(standing: Standing, terminal: Terminal) -> list[object]:
    hearing = standing.hearing
    return [
        standing.name,
        terminal.words(ROLES[standing.role]),
        terminal.moment(hearing.heard_at),
        _usual_gap(standing, terminal),
        _state(standing, terminal),
        terminal.moment(hearing.polled_through),
        standing.recovered,
    ]


ROLES = {"ma": "marketing", "sfa": "sales", "both": "marketing and sales"}
ORIGINS = {"set": "{gap} (set)", "learned": "{gap} (learned)"}


def _usual_gap(standing: Standing, terminal: Terminal) -> str:
    if standing.hearing.expected is None or standing.expected_from is None:
        return terminal.words("not known yet")
    return terminal.words(ORIGINS[standing.expected_from], gap=span(standing.hearing.expected, terminal.locale))


DARK = {
    "silent": "dark since {at}: silent",
    "failing": "dark since {at}: cannot be asked",
    "behind": "dark since {at}: polling lags",
    "stalled": "dark since {at}: its history is not read on",
}


def _state(standing: Standing, terminal: Terminal) -> str:
    if standing.disabled:
        return terminal.words("disabled")
    if standing.silence:
        return terminal.words(DARK[standing.silence.why], at=terminal.moment(standing.silence.since))
    return terminal.words("heard")


def _explain(found: list[Standing], terminal: Terminal) -> None:
    for standing in found:
        if standing.hearing.failures and standing.poll_error:
            failed = "{name}: the last {count} polls failed: {error}"
            terminal.say(failed, name=standing.name, count=standing.hearing.failures, error=standing.poll_error)
    if any(standing.silence and not standing.disabled for standing in found):
        terminal.say("While a feed is dark, leads that fall due have no verdict. `tasuki doctor` says what mends it.")
    terminal.say("Gaps are open time of the calendar default.")
