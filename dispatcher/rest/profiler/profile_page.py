"""Draws a profile: a page that needs nothing but itself, neither scripts nor what would have to be fetched.

The flame graph stands on its head, the threads on top. A box is as wide as the share of the stacks that went through
its function; what it is, is shown when the pointer rests on it. Boxes that nobody could see are left out.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from millstream.common.wire.inspection_pb2 import ThreadProfile
from millstream.dispatcher.rest.flame_graphs.flame_graph import FlameGraphNode, merge_stacks

__all__ = ["profile_page"]

_ROW_PX: Final = 18
_LEAST_SHARE: Final = 0.0005
_FUNCTIONS: Final = 50
_STYLE: Final = (
    "body{font:13px sans-serif;margin:16px}"
    "svg text{font:11px monospace;pointer-events:none}"
    "rect{stroke:#fff;stroke-width:1}"
    "svg svg:hover>rect{stroke:#000}"
    "table{border-collapse:collapse}td,th{padding:2px 12px 2px 0;text-align:left}td.n{text-align:right}"
    "code{font-size:12px}"
)


def profile_page(title: str, facts: Sequence[str], profiles: Iterable[ThreadProfile]) -> str:
    """Return the page, HTML.

    :param facts: what to say of the profile, a line each.
    """
    stacks = [stack for profile in profiles for stack in _stacks(profile)]
    root = merge_stacks(stacks)
    said = "".join(f"<p>{escape(fact)}</p>" for fact in facts)
    if not root.value:
        said += "<p>Nothing was seen: no thread was at work whenever it was looked at.</p>"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>{said}"
        f"{_graph(root)}{_table(stacks, root.value)}</body></html>\n"
    )


def _stacks(profile: ThreadProfile) -> Iterator[tuple[list[str], int]]:
    for stack in profile.stacks:
        yield [profile.frames[number] for number in stack.frames], stack.count


def _graph(root: FlameGraphNode) -> str:
    if not root.value:
        return ""
    boxes: list[str] = []
    rows = 0
    left_to_do = [(root, 0, 0)]  # a node, the stacks to the left of it, its row
    while left_to_do:
        node, start, row = left_to_do.pop()
        rows = max(rows, row + 1)
        boxes.append(_box(node, start, row, root.value))
        for child in sorted(node.children.values(), key=lambda each: each.name):
            if child.value / root.value >= _LEAST_SHARE:
                left_to_do.append((child, start, row + 1))
            start += child.value
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="{rows * _ROW_PX}" role="img">'
        f"{''.join(boxes)}</svg>"
    )


def _box(node: FlameGraphNode, start: int, row: int, total: int) -> str:
    """An image within the image, which cuts off the part of the name that does not fit."""
    name = escape(node.name)
    return (
        f'<svg x="{100 * start / total:.4f}%" y="{row * _ROW_PX}" width="{100 * node.value / total:.4f}%" '
        f'height="{_ROW_PX}"><title>{name}: {_seen(node.value, total)}</title>'
        f'<rect width="100%" height="100%" fill="{_colour(node.name)}"/><text x="3" y="13">{name}</text></svg>'
    )


def _table(stacks: Iterable[tuple[Sequence[str], int]], total: int) -> str:
    """The functions that were innermost: where time goes, whoever calls."""
    innermost: Counter[str] = Counter()
    for frames, count in stacks:
        innermost[frames[-1]] += count
    if not innermost:
        return ""
    rows = "".join(
        f'<tr><td class="n">{count}</td><td class="n">{100 * count / total:.1f} %</td>'
        f"<td><code>{escape(name)}</code></td></tr>"
        for name, count in innermost.most_common(_FUNCTIONS)
    )
    return f"<h2>Innermost functions</h2><table><tr><th>samples</th><th>share</th><th>function</th></tr>{rows}</table>"


def _seen(count: int, total: int) -> str:
    return f"{count} of {total} samples, {100 * count / total:.2f} %"


def _colour(name: str) -> str:
    """Functions of one module have one colour, in each profile."""
    hue = zlib.crc32(name.rpartition(".")[0].encode()) % 360
    return f"hsl({hue},65%,78%)"
