"""The agenda's paper: for each item who leads it, how long it may take, what is known about it, and a question."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from app.domain.action import STATES, ActionState
from app.domain.criterion import Judgement, measured
from app.domain.health import GRACE, Held, health
from app.domain.kpi import Figure, Kpi
from app.domain.language import day, text
from app.domain.policy import PolicyVersion
from app.domain.rules import explain_rule
from app.domain.series import Series
from app.domain.statistics import share_in_words
from app.domain.template import ROLE_NAMES, STATUS, Block, owner_of, question_of, title_of, warnings
from app.domain.template import Item as Box
from app.flows.agendas import Prepared
from app.flows.criteria import Reading
from app.flows.discussion import LISTED, OF_CONTENTS
from app.flows.kpis import By
from app.pages import feeds
from app.pages.brief import completeness_in_words
from app.pages.document import AGENDA, Document, Item, Line, MeetingDated, SeriesNamed, Table, in_utc
from app.pages.feeds import one_line
from app.pages.kpis import basis_in_words, figure_in_words, group_in_words, title
from app.pages.words import CLOCKS


@dataclass(frozen=True, slots=True)
class Words:
    """In which language and time zone it is written."""

    locale: str
    zone: ZoneInfo

    def __call__(self, message: str, /, **values: object) -> str:
        return text(self.locale, message, **values)

    def columns(self, *messages: str) -> tuple[str, ...]:
        return tuple(self(message) for message in messages)

    def day(self, on: date) -> str:
        return day(datetime.combine(on, time(12), self.zone), self.zone, self.locale)


def document(shown: Prepared, locale: str, zone: ZoneInfo) -> Document:
    say, agenda = Words(locale, zone), shown.agenda
    return Document(
        schema_=AGENDA,
        locale=locale,
        title=feeds.title(agenda, locale),
        series=SeriesNamed(key=agenda.series_key, name=agenda.series.name),
        meeting=MeetingDated(**feeds.meeting_json(agenda)),
        since=agenda.since,
        as_of=agenda.as_of,
        notes=(*feeds.notes(agenda, locale, zone), *_notes(shown, say)),
        items=tuple(items(shown, say)),
        figures=feeds.figures_json(agenda.figures),
        breaches=feeds.breaches_json(agenda, locale),
        kpis=tuple(feeds.kpi_json(figure, agenda.definition, locale) for figure in agenda.kpis),
        actions=tuple(action_json(row) for row in shown.discussion.actions),
        topics=tuple(one_line(entry.text) for entry in shown.topics),
        counting={
            "since": in_utc(shown.counting.since),
            "until": in_utc(shown.counting.until),
            "now": in_utc(shown.counting.now),
            "definition": shown.counting.definition.model_dump(mode="json"),
        },
    )


def _notes(shown: Prepared, say: Words) -> Iterator[str]:
    if attendees := shown.agenda.series.attendees:
        yield say("Attendees: {names}", names=say(", ").join(one_line(each.name) for each in attendees))
    if room := shown.agenda.series.room:
        yield say("Room: {room}", room=one_line(room))
    status = shown.template.status_minutes
    yield say(
        "{talk} min to discuss and decide, {status} min to report", talk=shown.template.minutes - status, status=status
    )
    yield from (say(warning) for warning in warnings(shown.template))


def items(shown: Prepared, say: Words) -> Iterator[Item]:
    series, begins = shown.agenda.series, shown.agenda.meeting.start
    for number, box in enumerate(shown.template.items, 1):
        yield Item(
            number=number,
            block=box.block.value,
            title=title_of(box, say.locale),
            minutes=box.minutes,
            begins=f"{begins.astimezone(series.zone):%H:%M}",
            owner=owner_in_words(box, series, say),
            question=question_of(box, say.locale),
            status=box.block in STATUS,
            tables=tuple(EVIDENCE[box.block](shown, say)),
        )
        begins += timedelta(minutes=box.minutes)


def owner_in_words(box: Box, series: Series, say: Words) -> str:
    """`営業責任者(田中 舞)`; the role alone where nobody is named for it."""
    who = owner_of(box)
    names = [one_line(each.name) for each in series.attendees if who in (each.role, each.duty)]
    role = say(ROLE_NAMES[who])
    return say("{words} ({detail})", words=role, detail=say(", ").join(names)) if names else role


# --- what is known, block by block


def _actions(shown: Prepared, say: Words) -> Iterator[Table]:
    rows = shown.discussion.actions
    if not rows:
        yield Table(text=(say("There are no open action items."),))
        return
    today = shown.agenda.as_of.astimezone(say.zone).date()
    yield Table(
        columns=say.columns("Owner", "What", "Definition of done", "Due", "State"),
        lines=tuple(_action(row, shown.discussion.criteria.get(row.id), today, say) for row in rows),
    )


def _action(row: Any, reading: Reading | None, today: date, say: Words) -> Line:
    done_when = f"{row.done_when} ({_so_far(reading, say)})" if reading else row.done_when
    told = (row.owner, row.text, done_when, say.day(row.due_on), standing(row, today, say))
    return Line(cells=tuple(map(one_line, told)))


def _so_far(reading: Reading, say: Words) -> str:
    """`現在 48/52 92.3%、達成`."""
    value = measured(reading.figure, say.locale)
    return say(JUDGEMENTS[reading.judgement], value=value)


#: Message ids.
JUDGEMENTS = {
    Judgement.HOLDS: "now {value}: holds",
    Judgement.FAILS: "now {value}: does not hold yet",
    Judgement.TOO_FEW: "now {value}: too few cases to say",
}


def standing(row: Any, today: date, say: Words) -> str:
    """`未完了・期限超過・3回目・8割まで完了`: what it is, how often it was carried over, what was last said."""
    told = [say(STATES[ActionState(row.state)])]
    if row.state == ActionState.OPEN:
        told += [say("overdue")] if row.due_on < today else []
        told += [say("meeting no. {count}", count=row.carried + 1)] if row.carried else []
    return say(" · ").join([*told, *([row.said] if row.said else [])])


def action_json(row: Any) -> dict[str, Any]:
    names = ("id", "owner", "text", "done_when", "state", "carried")
    return {name: getattr(row, name) for name in names} | {"due_on": row.due_on.isoformat()}


def _kpi_review(shown: Prepared, say: Words) -> Iterator[Table]:
    agenda = shown.agenda
    since = feeds.figures_in_words(agenda.figures, say.locale)
    yield Table(
        title=say("Since the last meeting"),
        columns=say.columns("Figure", "Value"),
        lines=tuple(Line(cells=pair) for pair in since),
    )
    if agenda.kpis:
        yield Table(
            title=feeds.board_title(say.locale),
            columns=say.columns("KPI", "Value", "Responsible", "Basis"),
            lines=tuple(
                Line(cells=feeds.kpi_in_words(figure, agenda.definition, say.locale)) for figure in agenda.kpis
            ),
        )


def _breaches(shown: Prepared, say: Words) -> Iterator[Table]:
    yield Table(text=(feeds.breaches_in_words(shown.agenda, say.locale),))
    for group in shown.agenda.groups:
        yield feeds.breach_table(group, say.locale, say.zone)


def _conversion(shown: Prepared, say: Words) -> Iterator[Table]:
    told = {figure.kpi: figure for figure in shown.agenda.kpis}
    wanted = [told[kpi] for kpi in (Kpi.MQL_TO_SQL, Kpi.SQLS, Kpi.OPPORTUNITY_RATE, Kpi.ACCEPTANCE) if kpi in told]
    if wanted:
        yield Table(columns=say.columns("KPI", "Value", "Basis"), lines=tuple(_kpi(f, shown, say) for f in wanted))
    if reasons := shown.discussion.reasons:
        yield Table(
            title=say("Why sales gave leads back"),
            columns=say.columns("Why", "Leads"),
            lines=tuple(
                Line(cells=(group_in_words(By.REASON, g.name, say.locale), f"{sum(g.figure.states.values()):,}"))
                for g in reasons
            ),
        )


def _kpi(figure: Figure, shown: Prepared, say: Words) -> Line:
    known = shown.agenda.definition
    words = figure_in_words(figure, known, say.locale)
    return Line(cells=(title(figure.kpi, say.locale), words, basis_in_words(figure.kpi, known, say.locale)))


CHANNEL_COLUMNS = ("Marketing channel", "New leads", "MQL", "MQL to SQL", "Win rate")


def _content_and_channels(shown: Prepared, say: Words) -> Iterator[Table]:
    known = completeness_in_words(shown.discussion.completeness, say.locale)
    yield Table(
        title=say("Customer information for sales"),
        columns=say.columns("Figure", "Value"),
        lines=tuple(Line(cells=pair) for pair in known),
    )
    if channels := shown.discussion.channels:
        yield Table(
            title=say("By channel"),
            columns=say.columns(*CHANNEL_COLUMNS),
            lines=tuple(_channel(name, told, shown, say) for name, told in channels.items()),
        )
    if contents := shown.discussion.by_content:
        yield Table(
            title=say("By the last content before the lead became MQL"),
            columns=say.columns("Content", "MQL", "MQL to SQL", "Opportunity rate"),
            lines=tuple(_outcome(name, told, shown, say) for name, told in contents.items()),
        )
    if stale := shown.discussion.stale:
        yield Table(
            title=say("Content that nobody has reviewed for six months"),
            columns=say.columns("Content", "Last reviewed", "Used in 90 days"),
            lines=tuple(_content(one, say) for one in stale[:LISTED]),
            more=_more(len(stale), say),
        )


def _channel(name: str | None, told: Mapping[Kpi, Figure], shown: Prepared, say: Words) -> Line:
    wanted = (Kpi.NEW_LEADS, Kpi.MQLS, Kpi.MQL_TO_SQL, Kpi.WIN_RATE)
    return Line(cells=(one_line(group_in_words(By.CHANNEL, name, say.locale)), *_figures(told, wanted, shown, say)))


def _outcome(name: str, told: Mapping[Kpi, Figure], shown: Prepared, say: Words) -> Line:
    return Line(cells=(one_line(name), *_figures(told, OF_CONTENTS, shown, say)))


def _figures(told: Mapping[Kpi, Figure], wanted: Sequence[Kpi], shown: Prepared, say: Words) -> Iterator[str]:
    for figure in map(told.get, wanted):
        yield figure_in_words(figure, shown.agenda.definition, say.locale) if figure else say("no case")


def _content(one: Any, say: Words) -> Line:
    reviewed = one.described.last_reviewed
    known = say.day(reviewed) if reviewed else say("never")
    return Line(cells=(one_line(one.described.title or one.asset), known, f"{one.lately:,}"))


def _budget(shown: Prepared, say: Words) -> Iterator[Table]:
    found = shown.discussion
    if not found.costs:
        yield Table(text=(say("No budget is entered for {month}.", month=f"{found.month:%Y-%m}"),))
        return
    yield Table(
        title=say("Spent in {month}", month=f"{found.month:%Y-%m}"),
        text=(say("What an SQL or a deal costs can be told only when most of the month's leads are decided."),),
        columns=say.columns("Marketing channel", "Planned", "Spent", "MQL", "Cost of an MQL"),
        lines=tuple(_cost(cost, say) for cost in found.costs),
    )


def _cost(cost: Any, say: Words) -> Line:
    line = cost.spend
    money = [f"{v:,} {line.currency}" if v is not None else say("not known") for v in (line.planned, line.spent)]
    per = f"{cost.per_mql:,} {line.currency}" if cost.per_mql is not None else say("not known")
    return Line(cells=(group_in_words(By.CHANNEL, line.channel, say.locale), *money, f"{cost.mqls:,}", per))


def _data_quality(shown: Prepared, say: Words) -> Iterator[Table]:
    if tasks := shown.discussion.quality:
        yield Table(
            columns=say.columns("What", "Cases", "Remedy"),
            lines=tuple(Line(cells=(say(t.title), f"{t.tally.count:,}", say(t.remedy))) for t in tasks),
        )
    else:
        yield Table(text=(say("The data leaves nothing to be mended."),))
    if rules := shown.discussion.rules:
        yield Table(
            title=say("What was agreed on, and whether the tools show it"),
            columns=say.columns("Rule", "Agreed", "State"),
            lines=tuple(_rule(rule, say) for rule in rules),
        )


def _rule(rule: Any, say: Words) -> Line:
    return Line(cells=(one_line(rule.rule.text), say.day(rule.rule.agreed_on), rule.in_words(say.locale)))


def _sla(shown: Prepared, say: Words) -> Iterator[Table]:
    yield Table(
        columns=say.columns("Policy", "MQL when", "Time to follow up"),
        lines=tuple(_policy(version, say) for version in shown.discussion.policies),
    )
    if proposals := shown.discussion.proposals:
        yield Table(
            title=say("Decided, not adopted yet"),
            columns=say.columns("Policy", "Effective", "Review"),
            lines=tuple(Line(cells=(p.policy_key, say.day(p.effective_on), say.day(p.review_on))) for p in proposals),
        )
    if reviews := shown.discussion.reviews:
        yield Table(
            title=say("What the changes did: SLA attainment before and after"),
            columns=say.columns("Policy", "Effective", "Days", "Before", "After"),
            lines=tuple(_review(review, say) for review in reviews),
        )


def _policy(version: PolicyVersion, say: Words) -> Line:
    policy = version.policy
    name = say("{name} v{version}", name=one_line(policy.name), version=version.version)
    return Line(
        cells=(
            name,
            one_line(explain_rule(policy.rule, say.locale)),
            say(CLOCKS[policy.clock], amount=f"{policy.target:g}"),
        )
    )


def _review(review: Any, say: Words) -> Line:
    known, shares = review.proposal, (share_in_words(s, say.locale) for s in (review.before, review.after))
    name = say("{name} v{version}", name=known.policy_key, version=known.version)
    return Line(cells=(name, say.day(known.effective_on), f"{review.days}", *shares))


def _free(shown: Prepared, say: Words) -> Iterator[Table]:
    for heading, entries in (("What you want to talk about", shown.topics), ("Put off last time", shown.parked)):
        if entries:
            yield Table(
                title=say(heading),
                columns=say.columns("What", "Said by"),
                lines=tuple(Line(cells=(one_line(e.text), one_line(e.by))) for e in entries),
            )


def _decisions(shown: Prepared, say: Words) -> Iterator[Table]:
    """What belongs to no item is talked about before the end."""
    if not any(box.block is Block.FREE for box in shown.template.items):
        yield from _free(shown, say)


def _look_back(shown: Prepared, say: Words) -> Iterator[Table]:
    if not shown.held:
        yield Table(text=(say("No meeting has been closed yet."),))
        return
    yield Table(
        text=(health_in_words(shown.held, say),),
        columns=say.columns("Meeting no.", "On time", "Decisions", "Actions done", "Rating"),
        lines=tuple(_held(held, say) for held in shown.held),
    )
    if wishes := [wish for held in shown.held for wish in held.improvements]:
        yield Table(title=say("What you wanted to improve"), text=tuple(one_line(wish) for wish in wishes[-LISTED:]))


def health_in_words(held: Sequence[Held], say: Words) -> str:
    found = health(held)
    rating = f"{found.rating:.1f}" if found.rating is not None else say("nobody rated")
    return say(
        "{meetings} meetings: {in_time} in time, {decisions} decisions, {done} action items done, rating {rating}",
        meetings=found.meetings,
        in_time=found.in_time.part,
        decisions=found.decisions,
        done=share_in_words(found.actions, say.locale),
        rating=rating,
    )


def _held(held: Held, say: Words) -> Line:
    over = max(held.late, held.overrun)
    late = say("yes") if over <= GRACE else say("{minutes} min over", minutes=int(over.total_seconds()) // 60)
    done = f"{held.actions.part}/{held.actions.whole}"
    rating = f"{held.rating:.1f}" if held.rating is not None else "–"
    return Line(cells=(f"#{held.number}", late, f"{held.decisions}", done, rating))


def _more(count: int, say: Words) -> str:
    return say("and {count} more", count=count - LISTED) if count > LISTED else ""


Evidence = Callable[[Prepared, Words], Iterator[Table]]
EVIDENCE: Mapping[Block, Evidence] = {
    Block.ACTIONS: _actions,
    Block.KPI_REVIEW: _kpi_review,
    Block.SLA_BREACHES: _breaches,
    Block.CONVERSION: _conversion,
    Block.CONTENT_CHANNELS: _content_and_channels,
    Block.BUDGET: _budget,
    Block.DATA_QUALITY: _data_quality,
    Block.SLA_REVIEW: _sla,
    Block.DECISIONS: _decisions,
    Block.RETROSPECTIVE: _look_back,
    Block.FREE: _free,
}
