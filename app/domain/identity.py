"""Who is who: which ids are one person. A function of what was said and decided about them, in whatever order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import combinations

from connectors.contract import EMAIL, ExternalId

#: Two ids, the smaller (system, value) first.
Pair = tuple[ExternalId, ExternalId]
#: Some ids, or all that are one person.
Ids = frozenset[ExternalId]

#: Ids that hang together; where there are more, addresses that are nobody's are not looked through any more.
CROWD = 200


class Doubt(StrEnum):
    """Why a person has to decide."""

    #: An address of several people, as far as one can know: a tool has two records with it.
    AMBIGUOUS = "ambiguous"
    #: The same, and so many hang together by it that it stays so until a person decides.
    CROWDED = "crowded"
    #: Records of one tool that only another tool calls one person; or ids that bring together what a person parted.
    CONTRADICTORY = "contradictory"


@dataclass(frozen=True, slots=True)
class Partition:
    """Who is who."""

    people: list[Ids]
    doubts: dict[ExternalId, Doubt]


def order(one: ExternalId) -> tuple[str, str]:
    return (one.system, one.value)


def pair(one: ExternalId, other: ExternalId) -> Pair:
    return (one, other) if order(one) < order(other) else (other, one)


def named(ids: Sequence[ExternalId]) -> ExternalId:
    """Whom an event is about, should its ids turn out to be several people: a tool's first id, else the address."""
    return next((one for one in ids if one.system != EMAIL), ids[0])


def links_of(ids: Sequence[ExternalId]) -> Iterator[Pair]:
    """What naming these ids together says: each belongs to the one that is meant, and to the first of its own tool."""
    center = named(ids)
    first = {center.system: center}
    for one in ids:
        for other in {center, first.setdefault(one.system, one)} - {one}:
            yield pair(one, other)


def partition(
    nodes: Collection[ExternalId],
    links: Collection[Pair],
    decisions: Mapping[Pair, bool],
    crowded: Collection[ExternalId] = (),
) -> Partition:
    """Who is who among these ids; what links and decisions say about others is left out.

    What people decided counts first, then ids of tools that were named together, then addresses. Whatever would bring
    together what must stay apart joins nobody: nothing is guessed, and no evidence counts for having come first.
    `crowded`: addresses that join nobody unless a person decided.
    """
    known = {both: said for both, said in decisions.items() if both[0] in nodes and both[1] in nodes}
    apart = [both for both, together in known.items() if not together]
    said = {both for both in links if both[0] in nodes and both[1] in nodes and known.get(both, True)}
    case = _Case(said, known, set(crowded), _People({one: Ids([one]) for one in nodes}, apart))
    _as_decided(case)
    _as_named(case)
    _contradictions(case)
    _by_address(case)
    _crowds(case)
    return Partition(list(dict.fromkeys(case.people.of.values())), case.doubts)


# Sets of ids that grow together


@dataclass(slots=True)
class _People:
    """Who is one person so far."""

    of: dict[ExternalId, Ids]
    #: Decided to be two people: nobody is ever made of both.
    apart: Sequence[Pair] = ()

    def touched(self, ids: Iterable[ExternalId]) -> set[Ids]:
        return {self.of[one] for one in ids}

    def join(self, ids: Iterable[ExternalId]) -> None:
        touched = self.touched(ids)
        if len(touched) > 1:
            joined = Ids().union(*touched)
            self.of.update(dict.fromkeys(joined, joined))

    def are_apart(self, one: Ids, other: Ids) -> bool:
        return any((a in one and b in other) or (b in one and a in other) for a, b in self.apart)

    def clash(self, parts: Iterable[Ids]) -> bool:
        return bool(self.apart) and any(self.are_apart(*two) for two in combinations(parts, 2))

    def unite(self, spans: Iterable[Ids], clash: Callable[[Iterable[Ids]], bool]) -> list[Ids]:
        """Make one person of each span, except where they clash; where only several together do, none of them joins.

        Returns the spans that did not join.
        """
        bridging = [span for span in spans if len(self.touched(span)) > 1]
        fitting = {span for span in bridging if not clash(self.touched(span))}
        trial = _People(dict(self.of))
        for span in fitting:
            trial.join(span)
        torn = {whole for whole in trial.touched(_each(fitting)) if clash(self.touched(whole))}
        good = {span for span in fitting if torn.isdisjoint(trial.touched(span))}
        for span in good:
            self.join(span)
        return [span for span in bridging if span not in good]

    def attach(self, bridges: Mapping[Ids, Ids]) -> set[ExternalId]:
        """Whoever was named with one person only is that person. Returns those of whom it cannot hold: two that are
        decided to differ."""
        ends = {center: self.touched(ids) - {center} for center, ids in bridges.items()}
        targets = {center: next(iter(wholes)) for center, wholes in ends.items() if len(wholes) == 1}
        at_odds = {
            one
            for center, target in targets.items()
            for one in (center if self.apart else ())
            if any(target is targets[other] and self.are_apart(center, other) for other in targets)
        }
        for center, target in targets.items():
            if at_odds.isdisjoint(center):
                self.join(center | target)
        return at_odds


def _each(sets: Iterable[Iterable[ExternalId]]) -> set[ExternalId]:
    return {one for ids in sets for one in ids}


@dataclass(slots=True)
class _Case:
    """The evidence, and what has come of it so far."""

    links: set[Pair]
    decisions: Mapping[Pair, bool]
    crowded: set[ExternalId]
    people: _People
    doubts: dict[ExternalId, Doubt] = field(default_factory=dict)

    def contradict(self, ids: Iterable[ExternalId]) -> None:
        self.doubts.update(dict.fromkeys(ids, Doubt.CONTRADICTORY))


# Decisions, and ids of tools


def _as_decided(case: _Case) -> None:
    """Links between people who, by that, differ say nothing any more: they have been decided about."""
    together = {Ids(both) for both, said in case.decisions.items() if said}
    case.contradict(_each(case.people.unite(together, case.people.clash)))
    case.links = {both for both in case.links if not case.people.clash(case.people.touched(both))}


def _as_named(case: _Case) -> None:
    """First those that people have parted from somebody, then the rest, then what hangs between the two."""
    people, clash = case.people, case.people.clash
    parted = _each(people.apart)
    strong = {Ids(both) for both in case.links if EMAIL not in (both[0].system, both[1].system)}
    case.contradict(_each(people.unite({both for both in strong if both <= parted}, clash)))
    case.contradict(_each(people.unite({both for both in strong if both.isdisjoint(parted)}, clash)))
    bridges: dict[Ids, Ids] = {}
    for both in strong:
        if len(both & parted) == 1:
            (one,) = both - parted
            bridges[people.of[one]] = bridges.get(people.of[one], Ids()) | both
    people.attach({center: ids for center, ids in bridges.items() if center.isdisjoint(parted)})
    case.contradict(_each(people.unite(set(bridges.values()), clash)) - parted)


def _contradictions(case: _Case) -> None:
    """Records of one tool that neither the tool itself nor a person has called one."""
    direct = _People({one: Ids([one]) for one in case.people.of})
    for both in case.links | case.decisions.keys():
        if case.decisions.get(both, both[0].system == both[1].system):
            direct.join(both)
    for whole in set(case.people.of.values()):
        for tool in _tools(whole) if len(whole) > 1 else ():
            records = {one for one in whole if one.system == tool}
            if len(direct.touched(records)) > 1:
                case.contradict(records)


def _tools(ids: Iterable[ExternalId]) -> set[str]:
    return {one.system for one in ids} - {EMAIL}


# Addresses


def _by_address(case: _Case) -> None:
    """An address of one person is theirs; one of several joins them, unless a tool has a record of two of them."""
    people, holders = case.people, _holders(case)
    at_odds = people.attach({people.of[one]: Ids(ids) for one, ids in holders.items() if len(people.of[one]) == 1})
    case.contradict(at_odds)
    spans = {Ids({address, *ids}): address for address, ids in holders.items() if address not in at_odds}
    two_addresses = {Ids(both) for both in case.links if both[0].system == both[1].system == EMAIL}
    for span in people.unite({*spans, *two_addresses}, partial(_two_people, people)):
        if span in spans and _unclear(people, spans[span], span):
            case.doubts[spans[span]] = Doubt.AMBIGUOUS
    alone = {address for address in case.crowded if len(people.of[address]) == 1}
    case.doubts.update(dict.fromkeys(alone, Doubt.CROWDED))


def _holders(case: _Case) -> dict[ExternalId, set[ExternalId]]:
    """Address → the tools' ids that it was named with, without people of whom it was decided that it is not theirs."""
    found: dict[ExternalId, set[ExternalId]] = {}
    for both in case.links:
        address, holder = both if both[0].system == EMAIL else both[::-1]
        one_each = address.system == EMAIL != holder.system
        if one_each and address not in case.crowded and not case.people.clash(case.people.touched(both)):
            found.setdefault(address, set()).add(holder)
    return found


def _two_people(people: _People, parts: Iterable[Ids]) -> bool:
    """A tool has a record of each, or somebody decided so."""
    wholes = list(parts)
    tools = [tool for whole in wholes for tool in _tools(whole)]
    return len(tools) > len(set(tools)) or people.clash(wholes)


def _unclear(people: _People, address: ExternalId, span: Ids) -> bool:
    """Nobody has decided whose it is, nor that all who use it differ."""
    own = people.of[address]
    users = people.touched(span) - {own}
    return not _tools(own) and not all(people.are_apart(*two) for two in combinations(users, 2))


def _crowds(case: _Case) -> None:
    """Looking through these addresses at every new id would take longer and longer, and come to nothing."""
    unclear = {one for one, doubt in case.doubts.items() if doubt is Doubt.AMBIGUOUS}
    if not unclear or len(case.people.of) <= CROWD:
        return
    near = _People({one: Ids([one]) for one in case.people.of})
    for both in case.links | case.decisions.keys():
        if case.crowded.isdisjoint(both):
            near.join(both)
    case.doubts.update(dict.fromkeys((one for one in unclear if len(near.of[one]) > CROWD), Doubt.CROWDED))
