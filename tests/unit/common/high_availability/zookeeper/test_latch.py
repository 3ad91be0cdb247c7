"""The election's decisions: what is done next, and laws that hold whatever happens in whatever order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.high_availability.zookeeper.client import SessionState
from millstream.common.high_availability.zookeeper.latch import (
    Action,
    DeleteCandidate,
    Grant,
    Latch,
    Look,
    MakeCandidate,
    Revoke,
)

OTHER = "f" * 32


def prefixes() -> Iterator[str]:
    return (f"{number:032x}" for number in itertools.count(1))


def new_latch(tolerant: bool = False) -> Latch:
    made = prefixes()
    latch = Latch(lambda: next(made), tolerant)
    assert latch.session_changed(SessionState.CONNECTED) == [Look()]
    return latch


def node(candidate: int | str, number: int) -> str:
    prefix = candidate if isinstance(candidate, str) else f"{candidate:032x}"
    return f"{prefix}-{number:010d}"


def test_the_first_candidate_leads() -> None:
    latch = new_latch()
    (make,) = latch.listed([])
    assert make == MakeCandidate(f"{1:032x}-")
    assert latch.listed([node(1, 0)]) == [Grant(node(1, 0))]
    assert latch.leads_with == node(1, 0)
    assert latch.listed([node(1, 0), node(OTHER, 1)]) == []


def test_a_later_candidate_waits_for_those_before_it() -> None:
    latch = new_latch()
    assert latch.listed([node(OTHER, 3), node(1, 7)]) == []
    assert latch.leads_with is None
    assert latch.listed([node(1, 7)]) == [Grant(node(1, 7))]


def test_numbers_decide_and_not_names() -> None:
    latch = new_latch()
    assert latch.listed([node(1, 7), node(OTHER, 3), "a note by somebody"]) == []


def test_a_node_whose_creation_was_never_answered_is_found_by_its_prefix() -> None:
    latch = new_latch()
    assert latch.listed([]) == [MakeCandidate(f"{1:032x}-")]
    # The answer was lost, and then a second one was made before the first was seen: one of them is enough.
    assert latch.listed([node(1, 4), node(1, 5)]) == [DeleteCandidate(node(1, 5))]
    assert latch.listed([node(1, 4)]) == [Grant(node(1, 4))]


def test_a_broken_connection_ends_the_term_at_once_and_the_next_has_a_node_of_its_own() -> None:
    latch = new_latch()
    latch.listed([node(1, 0)])
    assert latch.session_changed(SessionState.SUSPENDED) == [Revoke("the connection to ZooKeeper is lost")]
    assert latch.listed([node(1, 0)]) == [], "what was listed before says nothing"
    assert latch.session_changed(SessionState.CONNECTED) == [Look()]
    assert latch.listed([node(1, 0)]) == [DeleteCandidate(node(1, 0))]
    assert latch.listed([]) == [MakeCandidate(f"{2:032x}-")]
    assert latch.listed([node(2, 1)]) == [Grant(node(2, 1))]


def test_a_standby_keeps_its_place_when_its_connection_breaks() -> None:
    latch = new_latch()
    latch.listed([node(OTHER, 0), node(1, 1)])
    assert latch.session_changed(SessionState.SUSPENDED) == []
    latch.session_changed(SessionState.CONNECTED)
    assert latch.listed([node(OTHER, 0), node(1, 1)]) == []
    assert latch.listed([node(1, 1)]) == [Grant(node(1, 1))]


def test_tolerance_lasts_as_long_as_the_session_may() -> None:
    latch = new_latch(tolerant=True)
    latch.listed([node(1, 0)])
    assert latch.session_changed(SessionState.SUSPENDED) == []
    assert latch.leads_with == node(1, 0)
    assert latch.session_changed(SessionState.CONNECTED) == [Look()]
    assert latch.listed([node(1, 0)]) == [], "it still leads"
    assert latch.suspended_for_too_long() == [], "it is not suspended"
    latch.session_changed(SessionState.SUSPENDED)
    (revoked,) = latch.suspended_for_too_long()
    assert isinstance(revoked, Revoke)
    assert latch.suspended_for_too_long() == []
    latch.session_changed(SessionState.CONNECTED)
    assert latch.listed([node(1, 0)]) == [DeleteCandidate(node(1, 0))], "the old term's fence must fall first"


def test_an_expired_session_takes_its_nodes_along() -> None:
    latch = new_latch(tolerant=True)
    latch.listed([node(1, 0)])
    (revoked,) = latch.session_changed(SessionState.LOST)
    assert revoked == Revoke("the session with ZooKeeper has expired")
    latch.session_changed(SessionState.CONNECTED)
    assert [type(action) for action in latch.listed([node(OTHER, 1)])] == [MakeCandidate]


def test_a_term_ends_when_somebody_deletes_its_node() -> None:
    latch = new_latch()
    latch.listed([node(1, 0)])
    gone = Revoke("its node in ZooKeeper is gone")
    assert latch.listed([node(OTHER, 1)]) == [gone, MakeCandidate(f"{2:032x}-")]
    latch.listed([node(2, 2)])
    assert latch.term_is_refused(node(1, 0)) == [], "that was another term"
    assert latch.term_is_refused(node(2, 2)) == [gone, Look()]


# --- laws


@dataclass
class Contender:
    """A latch with a session at a model of ZooKeeper; what it does is answered late, or never."""

    latch: Latch
    session: int
    connected: bool = True
    planned: list[Action] = field(default_factory=list)
    granted: list[str] = field(default_factory=list)
    leading: bool = False

    def take(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Grant):
                assert not self.leading, "told of a new term before the end of the last"
                self.leading = True
                self.granted.append(action.name)
            elif isinstance(action, Revoke):
                assert self.leading, "told of the end of a term that never was"
                self.leading = False
            else:
                self.planned.append(action)
        assert self.leading == (self.latch.leads_with is not None)


class Ensemble:
    def __init__(self, contenders: int, tolerant: bool, seed: int) -> None:
        self.random = random.Random(seed)
        made = prefixes()
        self.nodes: dict[str, int] = {}
        self.counter = itertools.count()
        self.sessions = itertools.count(1)
        self.contenders = [
            Contender(Latch(lambda: next(made), tolerant), next(self.sessions)) for _ in range(contenders)
        ]
        for each in self.contenders:
            each.take(each.latch.session_changed(SessionState.CONNECTED))

    def step(self, each: Contender, in_doubt: bool = False) -> None:
        """Do one thing that was planned, or look again."""
        if not each.connected:
            return
        action = each.planned.pop(0) if each.planned else Look()
        if isinstance(action, MakeCandidate):
            self.nodes[f"{action.prefix}{next(self.counter):010d}"] = each.session
        elif isinstance(action, DeleteCandidate):
            self.nodes.pop(action.name, None)
        if in_doubt:
            self.suspend(each)
        elif isinstance(action, Look):
            each.take(each.latch.listed(self.random.sample(sorted(self.nodes), len(self.nodes))))
        self.check()

    def suspend(self, each: Contender) -> None:
        if each.connected:
            each.connected = False
            each.planned.clear()
            each.take(each.latch.session_changed(SessionState.SUSPENDED))

    def resume(self, each: Contender) -> None:
        if each.connected:
            return
        each.connected = True
        if each.session == 0:
            each.session = next(self.sessions)
            each.take(each.latch.session_changed(SessionState.LOST))
        each.take(each.latch.session_changed(SessionState.CONNECTED))

    def expire(self, each: Contender) -> None:
        self.nodes = {name: session for name, session in self.nodes.items() if session != each.session}
        self.suspend(each)
        each.session = 0
        self.check()

    def check(self) -> None:
        can_write = [each for each in self.contenders if each.latch.leads_with in self.nodes]
        assert len(can_write) <= 1, "the fences of two masters stand"


EVENTS = ("step", "step", "step", "step in doubt", "suspend", "resume", "expire", "too long", "delete")


@given(
    contenders=st.integers(1, 3),
    tolerant=st.booleans(),
    seed=st.integers(0, 2**32),
    events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 2)), max_size=60),
)
def test_there_is_never_more_than_one_fence_and_in_the_end_there_is_one(
    contenders: int, tolerant: bool, seed: int, events: list[tuple[str, int]]
) -> None:
    ensemble = Ensemble(contenders, tolerant, seed)
    for event, index in events:
        each = ensemble.contenders[index % contenders]
        if event.startswith("step"):
            ensemble.step(each, in_doubt=event == "step in doubt")
        elif event == "suspend":
            ensemble.suspend(each)
        elif event == "resume":
            ensemble.resume(each)
        elif event == "expire":
            ensemble.expire(each)
        elif event == "too long":
            each.take(each.latch.suspended_for_too_long())
        elif ensemble.nodes:
            ensemble.nodes.pop(min(ensemble.nodes))
        ensemble.check()
    for each in ensemble.contenders:
        ensemble.resume(each)
    for _ in range(20):
        for each in ensemble.contenders:
            ensemble.step(each)
    assert [each.latch.leads_with in ensemble.nodes for each in ensemble.contenders].count(True) == 1
    assert [each.leading for each in ensemble.contenders].count(True) == 1
    assert len(ensemble.nodes) == contenders, "everybody has one node, and nothing is left of earlier terms"
    granted = [name for each in ensemble.contenders for name in each.granted]
    assert len(granted) == len(set(granted)), "each term has a node of its own"
