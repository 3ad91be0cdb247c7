"""What was under way when a checkpoint was taken, given to the task again before anything new.

Of each old channel: what had come to the consumer, then what its producer still had; one stream of bytes, in which
nothing is torn. Barriers in it mean nothing any more, and whatever says that the data has ended is said again by the
producers that have.

If the job runs with other parallelisms now, a subtask is given channels of several old subtasks. Of hash edges (and
custom ones) it takes the records that would come to it now. The watermarks are left out: they were those of producers
that do not exist any more, and the new ones begin anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from millstream.common.errors import MillstreamError
from millstream.common.records import Element, RecordBatch, Watermark, WatermarkStatus
from millstream.common.wire.checkpoint_pb2 import ChannelStateHandle
from millstream.taskmanager.network.block_assembler import BlockAssembler
from millstream.taskmanager.network.element_codec import BARRIER_KIND, decode_element
from millstream.taskmanager.network.partitioners import Partitioner
from millstream.taskmanager.network.typed_serializer import Deserialize

__all__ = ["ChannelReplay", "ReplayEdge"]


@dataclass(frozen=True, slots=True)
class ReplayEdge:
    """An input of the task.

    :ivar channels: index of the channel that comes from each producer, by its subtask index.
    :ivar partitioner: says to which subtask a record goes; made only where that matters.
    """

    channels: dict[int, int]
    deserialize: Deserialize
    partitioner: Callable[[], Partitioner] | None


@dataclass(frozen=True, slots=True)
class _Part:
    handle: ChannelStateHandle
    data: bytes


class ChannelReplay:
    """The elements of all old channels that one task is given."""

    def __init__(self, edges: dict[str, ReplayEdge], subtask_index: int) -> None:
        self._edges = edges
        self._subtask_index = subtask_index
        self._parts: dict[tuple[str, int, int], list[_Part]] = {}

    def add(self, handle: ChannelStateHandle, data: bytes) -> None:
        """:param data: the handle's own bytes."""
        key = handle.edge_id, handle.producer_subtask, handle.consumer_subtask
        self._parts.setdefault(key, []).append(_Part(handle, data))

    def __iter__(self) -> Iterator[tuple[int, Element]]:
        """Give the elements, each with the channel that it counts as coming from.

        :raises MillstreamError: the bytes are not what the channels held.
        """
        for (edge_id, producer, _), parts in sorted(self._parts.items(), key=lambda item: item[0]):
            edge = self._edges.get(edge_id)
            if edge is None or not edge.channels:
                raise MillstreamError(f"records were under way on edge {edge_id}, which is no input of this task")
            rescaled = parts[0].handle.rescaled
            channel = edge.channels.get(producer)
            if channel is None:
                channel = next(iter(edge.channels.values()))
            parts.sort(key=lambda part: part.handle.overtaken_output)
            elements = _elements(parts, edge.deserialize)
            if rescaled:
                yield from ((channel, batch) for batch in self._own(elements, edge))
            else:
                yield from ((channel, element) for element in elements)
                yield channel, WatermarkStatus(idle=False)  # what its producer begins with

    def _own(self, elements: Iterable[Element], edge: ReplayEdge) -> Iterator[RecordBatch]:
        partitioner = edge.partitioner() if edge.partitioner is not None else None
        for element in elements:
            if not isinstance(element, RecordBatch):
                continue
            if partitioner is None:
                yield element
                continue
            for index, batch in partitioner.partition(element):
                if index == self._subtask_index:
                    yield batch


def _elements(parts: Iterable[_Part], deserialize: Deserialize) -> Iterator[Element]:
    assembler = BlockAssembler()
    for part in parts:
        assembler.feed(part.data)
        while assembler.has_element():
            kind, body = assembler.next_element()
            element = decode_element(kind, body, deserialize)
            if isinstance(element, (RecordBatch, Watermark, WatermarkStatus)):
                yield element
    left = assembler.pending()
    # A barrier that was torn when what is before it was kept is left over, and nothing else can be.
    if left and len(left[0]) == 5 and left[0][4] != BARRIER_KIND:
        raise MillstreamError(f"what was under way ends inside a record of which {sum(map(len, left))} bytes are there")
