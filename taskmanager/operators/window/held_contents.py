"""How elements get into contents that an operator holds in a place of a list, in generated loops."""

from __future__ import annotations

from millstream.taskmanager.operators.generated import Line
from millstream.taskmanager.operators.window.aligned_loops import ADD, CREATE, REDUCE, CallNames, WindowCalls

__all__ = ["held_fold_lines"]


def held_fold_lines(calls: WindowCalls, names: CallNames, held: str) -> list[Line]:
    """Lines that put ``value`` into ``held``, which is ``None`` if nothing is in it. They want ``IMMUTABLE`` and
    ``detached`` among their names.
    """
    if calls.kind == "list":
        return [
            Line(f"        if {held} is None:"),
            Line(f"            {held} = [value]"),
            Line("        else:"),
            Line(f"            {held}.append(value)"),
        ]
    assert calls.fold is not None
    if calls.kind == REDUCE:
        folded = names.call("fold", calls.fold, "old", "value")
        # A function may reduce into the first element, which others may hold too; an expression makes a new one.
        first = "value if type(value) in IMMUTABLE else detached(value)" if "fold" in names.namespace else "value"
        return [
            Line(f"        old = {held}"),
            Line("        if old is None:"),
            Line(f"            {held} = {first}"),
            Line("        else:"),
            Line(f"            {held} = {folded}", REDUCE),
        ]
    assert calls.create is not None
    return [
        Line(f"        accumulator = {held}"),
        Line("        if accumulator is None:"),
        Line(f"            accumulator = {names.call('create', calls.create)}", CREATE),
        Line(f"        {held} = {names.call('fold', calls.fold, 'value', 'accumulator')}", ADD),
    ]
