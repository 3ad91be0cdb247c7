"""Divides the state of an operator that is not keyed among its subtasks: lists, by the mode of each."""

from __future__ import annotations

from millstream.common.wire.checkpoint_pb2 import OperatorState, OperatorStateHandle

__all__ = ["distribute_operator_state"]


def distribute_operator_state(state: OperatorState, parallelism: int) -> list[list[OperatorStateHandle]]:
    """Return the handles of each subtask, in the order of the old subtasks.

    SPLIT: at the same parallelism each subtask keeps its own items; else all items, in their order, are divided into
    runs whose lengths differ by at most one. UNION: all items to each. BROADCAST: to each those of one old subtask.

    A subtask that gets no item of a list still gets a handle of it, whose bytes say what the list is: it is empty, not
    unknown.
    """
    names: dict[str, dict[int, OperatorStateHandle]] = {}
    for index in sorted(state.subtasks):
        for handle in state.subtasks[index].operator:
            names.setdefault(handle.name, {})[index] = handle
    result: list[list[OperatorStateHandle]] = [[] for _ in range(parallelism)]
    first = 0  # who gets the first surplus item of the next list, so that they do not all go to the same subtasks
    for handles in names.values():
        in_order = list(handles.values())
        mode = in_order[0].mode
        if mode == "UNION":
            shares = [in_order] * parallelism
        elif mode == "BROADCAST":
            shares = [[handles.get(index, in_order[index % len(in_order)])] for index in range(parallelism)]
        elif state.parallelism == parallelism:
            shares = [[handles[index]] if index in handles else [] for index in range(parallelism)]
        else:
            shares = _split(in_order, parallelism, first)
            first = (first + sum(len(handle.offsets) for handle in in_order)) % parallelism
        for own, share in zip(result, shares, strict=True):
            own.extend(share or [_part(in_order[0], 0, 0)])
    return result


def _split(handles: list[OperatorStateHandle], parallelism: int, first: int) -> list[list[OperatorStateHandle]]:
    each, surplus = divmod(sum(len(handle.offsets) for handle in handles), parallelism)
    shares: list[list[OperatorStateHandle]] = [[] for _ in range(parallelism)]
    taken = 0  # items of the current handle
    current = 0
    for index in range(parallelism):
        wanted = each + ((index - first) % parallelism < surplus)
        while wanted:
            handle = handles[current]
            until = min(taken + wanted, len(handle.offsets))
            if until > taken:
                shares[index].append(_part(handle, taken, until))
            wanted -= until - taken
            taken = until
            if taken == len(handle.offsets):
                current, taken = current + 1, 0
    return shares


def _part(handle: OperatorStateHandle, start: int, end: int) -> OperatorStateHandle:
    return OperatorStateHandle(
        name=handle.name,
        mode=handle.mode,
        bytes=handle.bytes,
        offsets=handle.offsets[start:end],
        lengths=handle.lengths[start:end],
    )
