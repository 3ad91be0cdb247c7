"""How far event time had come for an operator that decides by it which records are late.

Watermarks come again after a restore, but records may come before them. What was late for a key must stay late: a
window that has fired and gone would come into being once more otherwise, with nothing but the late record in it. So
each subtask's watermark is kept together with the key groups that it held for, and after a restore a subtask goes on
from the earliest of those that its own key groups had.
"""

from __future__ import annotations

from dataclasses import dataclass

from millstream.common.checkpoint.engine_states import WATERMARK
from millstream.common.key_groups import KeyGroupRange
from millstream.common.records import MAX_TIMESTAMP, MIN_TIMESTAMP
from millstream.taskmanager.state.operator_state_backend import OperatorStateMode
from millstream.taskmanager.state.operator_states import OperatorStates

__all__ = ["KeptWatermark", "keep_watermark", "kept_watermarks", "restored_watermark"]


@dataclass(frozen=True, slots=True)
class KeptWatermark:
    """A subtask's watermark in a snapshot.

    :ivar groups: the key groups that the subtask had.
    """

    groups: KeyGroupRange
    watermark: int


def keep_watermark(states: OperatorStates, watermark: int) -> None:
    """Put a subtask's watermark into the snapshot. The one that ends the input is none: nothing is late after it, as
    nothing comes any more, and a job that goes on from there begins with new input.
    """
    groups = states.settings.key_groups
    kept = [] if watermark >= MAX_TIMESTAMP else [(groups.start, groups.end, watermark)]
    states.operator().put_items(WATERMARK, kept, OperatorStateMode.UNION)


def kept_watermarks(states: OperatorStates) -> list[KeptWatermark]:
    """The watermarks in what was restored that held for some of this subtask's key groups."""
    own = states.settings.key_groups
    kept = []
    for start, end, watermark in states.operator().items(WATERMARK) or ():
        groups = own.intersection(KeyGroupRange(start, end))
        if groups:
            kept.append(KeptWatermark(groups, watermark))
    return kept


def restored_watermark(states: OperatorStates) -> int:
    """The watermark to go on from."""
    return min((kept.watermark for kept in kept_watermarks(states)), default=MIN_TIMESTAMP)
