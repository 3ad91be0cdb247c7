"""Merges stacks into the tree that a flame graph draws."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

__all__ = ["FlameGraphNode", "merge_stacks"]

_ROOT: Final = "root"


@dataclass(slots=True)
class FlameGraphNode:
    """A frame, under the frames that have called it.

    :ivar value: how many of the stacks that were seen went through here.
    :ivar children: the frames that this one had called, by name, the one met first before the others.
    """

    name: str
    value: int = 0
    children: dict[str, FlameGraphNode] = field(default_factory=dict)


def merge_stacks(stacks: Iterable[tuple[Sequence[str], int]]) -> FlameGraphNode:
    """Return the root over the outermost frames of all stacks.

    :param stacks: the frames of each, outermost first, and how often it was seen.
    """
    root = FlameGraphNode(_ROOT)
    for frames, count in stacks:
        root.value += count
        node = root
        for frame in frames:
            child = node.children.get(frame)
            if child is None:
                child = node.children[frame] = FlameGraphNode(frame)
            child.value += count
            node = child
    return root
