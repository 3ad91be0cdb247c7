"""The tree of a flame graph: nothing that was seen is lost or counted twice."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from millstream.dispatcher.rest.flame_graphs.flame_graph import FlameGraphNode, merge_stacks

_STACKS = st.lists(st.tuples(st.lists(st.sampled_from("abc"), max_size=4).map(tuple), st.integers(1, 5)), max_size=12)


def _seen(node: FlameGraphNode, path: tuple[str, ...] = ()) -> Counter[tuple[str, ...]]:
    """How often each stack ended where it did."""
    seen = Counter({path: node.value - sum(child.value for child in node.children.values())})
    for name, child in node.children.items():
        assert name == child.name
        seen.update(_seen(child, (*path, name)))
    return +seen


def test_frames_that_stacks_share_are_merged() -> None:
    root = merge_stacks([(("run", "map", "a"), 2), (("run", "map", "b"), 1), (("run",), 4)])
    assert (root.name, root.value) == ("root", 7)
    run = root.children["run"]
    assert run.value == 7
    assert {name: child.value for name, child in run.children["map"].children.items()} == {"a": 2, "b": 1}


def test_no_stacks_give_a_bare_root() -> None:
    assert merge_stacks([]) == FlameGraphNode("root")


@given(_STACKS)
def test_every_stack_is_in_the_tree_as_often_as_it_was_seen(stacks: list[tuple[tuple[str, ...], int]]) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for frames, count in stacks:
        expected[frames] += count
    assert _seen(merge_stacks(stacks)) == expected


@given(_STACKS, _STACKS)
def test_the_order_of_stacks_does_not_matter(
    one: list[tuple[tuple[str, ...], int]], other: list[tuple[tuple[str, ...], int]]
) -> None:
    assert _seen(merge_stacks(one + other)) == _seen(merge_stacks(other + one))
