"""How full the two ends of a task's data exchange are, for its metrics.

Looked up when somebody asks. What goes from task to task within a slot goes by reference: it is counted in batches
where the network counts buffers, and has no bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["InputUsage", "OutputUsage", "QueueLengths"]


@dataclass(frozen=True, slots=True)
class QueueLengths:
    """Of the channels of a gate, or of the subpartitions of a writer, in buffers."""

    total: int = 0
    smallest: int = 0
    largest: int = 0
    mean: float = 0.0

    @staticmethod
    def of(lengths: list[int]) -> QueueLengths:
        """All zeros if there are none."""
        if not lengths:
            return QueueLengths()
        total = sum(lengths)
        return QueueLengths(total, min(lengths), max(lengths), total / len(lengths))


@dataclass(frozen=True, slots=True)
class InputUsage:
    """Of an input gate.

    :ivar buffers_local: batches that were taken from tasks of the same slot so far.
    :ivar buffers_remote: buffers that came over the network so far.
    :ivar queued: what waits to be taken.
    :ivar queued_bytes: bytes of what waits that came over the network.
    :ivar buffers: network buffers that the gate may fill.
    :ivar buffers_used: those that hold data.
    :ivar pool_usage: share of the network buffers that hold data, 0..1.
    :ivar floating_usage: share of the shared ones that channels have.
    :ivar exclusive_usage: share of the channels' own ones that hold data.
    """

    buffers_local: int = 0
    buffers_remote: int = 0
    queued: QueueLengths = QueueLengths()
    queued_bytes: int = 0
    buffers: int = 0
    buffers_used: int = 0
    pool_usage: float = 0.0
    floating_usage: float = 0.0
    exclusive_usage: float = 0.0


@dataclass(frozen=True, slots=True)
class OutputUsage:
    """Of a result writer.

    :ivar buffers_out: buffers that were sent, and batches that were handed over within the slot, so far.
    :ivar queued: what waits to be sent, or to be taken within the slot.
    :ivar queued_bytes: bytes of what waits to be sent.
    :ivar buffers: network buffers that may wait.
    :ivar pool_usage: how full the fullest part is; from 1 on there is no room. An overdraft is above 1.
    """

    buffers_out: int = 0
    queued: QueueLengths = QueueLengths()
    queued_bytes: int = 0
    buffers: int = 0
    pool_usage: float = 0.0
