"""The input channels of a gate: where a task's elements come from, local or remote."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Protocol

from millstream.common.records import CheckpointBarrier, Element, EndOfPartition
from millstream.taskmanager.exchange import Chunks
from millstream.taskmanager.network.block_assembler import BlockAssembler
from millstream.taskmanager.network.channel_recorder import ChannelRecorder
from millstream.taskmanager.network.consumer_connection import ConsumerConnection
from millstream.taskmanager.network.credit_receiver import CreditReceiver, Grant
from millstream.taskmanager.network.element_codec import decode_barrier_element, decode_element, encode_elements
from millstream.taskmanager.network.frames import ProtocolError
from millstream.taskmanager.network.local_subpartition import LocalSubpartition
from millstream.taskmanager.network.partition_registry import PartitionKey, PartitionRegistry, Request
from millstream.taskmanager.network.producer_connection import ServedPartition
from millstream.taskmanager.network.typed_serializer import Deserialize
from millstream.taskmanager.network.value_serializer import RecordSerializationError, deserialize_values

__all__ = ["GateListener", "LocalInputChannel", "RemoteInputChannel"]

_log = logging.getLogger(__name__)


class GateListener(Protocol):
    """The gate, as its channels see it."""

    bytes_in: int
    deserialize_ns: int
    buffers_local: int
    buffers_remote: int

    def on_data(self, index: int) -> None:
        """Channel ``index`` may have an element."""
        ...

    def on_barrier(self, index: int, barrier: CheckpointBarrier, overtakes: bool, before: Chunks) -> None:
        """A barrier comes on channel ``index``: with this, behind what is ``before``, or in line."""
        ...

    def on_recorded(self, index: int, recorder: ChannelRecorder) -> None:
        """The recording of channel ``index`` is complete."""
        ...

    def on_failed(self, index: int, reason: str) -> None:
        """Channel ``index`` will give nothing more, before its end."""
        ...

    def on_grants(self, grants: list[Grant]) -> None:
        """Tell the senders of these channels."""
        ...


class LocalInputChannel:
    """Reads a queue of the same slot."""

    __slots__ = ("_finished", "_gate", "_index", "_key", "_queue", "_recorder", "_request", "_subpartition")

    def __init__(self, index: int, gate: GateListener, key: PartitionKey, subpartition: int) -> None:
        self._index = index
        self._gate = gate
        self._key = key
        self._subpartition = subpartition
        self._queue: LocalSubpartition | None = None
        self._request: Request[ServedPartition] | None = None
        self._recorder: ChannelRecorder | None = None
        self._finished = False

    def open(self, registry: PartitionRegistry[ServedPartition]) -> None:
        """Find the producer's end, now or when it comes."""
        self._request = registry.request(self._key, self._found, self.on_failed)

    def _found(self, partition: ServedPartition) -> None:
        self._request = None
        known = self._subpartition < len(partition.subpartitions)
        queue = partition.subpartitions[self._subpartition] if known else None
        if not isinstance(queue, LocalSubpartition):
            self.on_failed(f"subpartition {self._subpartition} is not there to be read in the producer's own slot")
        elif queue.attach(self):
            self._queue = queue
        else:
            self.on_failed(f"subpartition {self._subpartition} has a consumer already")

    def take(self) -> Element | None:
        """Return the next element if there is one."""
        queue = self._queue
        if queue is None or not queue.has_element():
            return None
        element = queue.take()
        self._gate.buffers_local += 1
        if isinstance(element, EndOfPartition):
            self._finished = True
        if self._recorder is not None:
            self._record(element)
        return element

    def record(self, recorder: ChannelRecorder | None) -> None:
        """Keep what is taken from now on; what the queue holds when its barrier overtakes it, its producer keeps."""
        self._recorder = recorder

    def _record(self, element: Element) -> None:
        recorder = self._recorder
        assert recorder is not None  # asked before
        try:
            recorder.feed(encode_elements((element,)))
        except RecordSerializationError as error:
            recorder.fail(error)
        if recorder.complete:
            self._recorder = None
            self._gate.on_recorded(self._index, recorder)

    def has_more(self) -> bool:
        """:meth:`take` may give something."""
        return self._queue is not None and self._queue.has_element()

    def waiting(self) -> tuple[int, int]:
        """How many elements wait, and how many bytes they have: none, within the slot."""
        return (0 if self._queue is None else self._queue.queued), 0

    def close(self) -> None:
        """Let go."""
        if self._request is not None:
            self._request.cancel()
            self._request = None
        if self._queue is not None and not self._finished:
            self._queue.abandon("its consumer in the same slot closed the channel before the end")
        self._queue = None

    def on_data(self) -> None:
        """The producer has put an element."""
        self._gate.on_data(self._index)

    def on_barrier(self, barrier: CheckpointBarrier, overtakes: bool) -> None:
        """The producer has put a barrier."""
        if overtakes and self._recorder is not None and self._recorder.checkpoint_id == barrier.checkpoint_id:
            self._recorder.end()
            self._recorder = None
        self._gate.on_barrier(self._index, barrier, overtakes, ())

    def on_failed(self, reason: str) -> None:
        """The producer has failed, or never came."""
        self._request = None
        if not self._finished:
            self._gate.on_failed(self._index, reason)


class RemoteInputChannel:
    """Reads a channel of a connection."""

    __slots__ = (
        "_assembler",
        "_buffers",
        "_channel",
        "_closed",
        "_connection",
        "_credits",
        "_deserialize",
        "_gate",
        "_index",
        "_key",
        "_recorder",
        "_subpartition",
    )

    def __init__(
        self,
        index: int,
        gate: GateListener,
        key: PartitionKey,
        subpartition: int,
        buffers: CreditReceiver,
        deserialize: Deserialize = deserialize_values,
    ) -> None:
        """
        :param buffers: the buffers of the channels of the same edge.
        :param deserialize: reads the records, as the edge's type asks for it.
        """
        self._deserialize = deserialize
        self._index = index
        self._gate = gate
        self._key = key
        self._subpartition = subpartition
        self._credits = buffers
        self._assembler = BlockAssembler()
        self._buffers: deque[bytes] = deque()
        self._connection: ConsumerConnection | None = None
        self._channel = -1
        self._recorder: ChannelRecorder | None = None
        self._closed = False

    def open(self, connection: ConsumerConnection) -> None:
        """Request the data."""
        self._connection = connection
        credit = self._credits.open_channel(self._index)
        key = self._key
        self._channel = connection.request(self, key.attempt_id, key.edge_id, self._subpartition, credit)

    def take(self) -> Element | None:
        """Return the next element if one is complete."""
        assembler = self._assembler
        try:
            while not assembler.has_element():
                if not self._buffers:
                    return None
                assembler.feed(self._buffers.popleft())
                self._gate.on_grants(self._credits.on_consumed(self._index))
            start = time.perf_counter_ns()
            kind, body = assembler.next_element()
            element = decode_element(kind, body, self._deserialize)
            self._gate.deserialize_ns += time.perf_counter_ns() - start
            if isinstance(element, EndOfPartition):
                assembler.end()
                self._finish()
            return element
        except ProtocolError as error:
            assert self._connection is not None  # data came over it
            self._connection.refuse(error)
            self.on_failed(f"{self._connection.peer}: {error}")
            return None

    def has_more(self) -> bool:
        """:meth:`take` may give something."""
        return self._assembler.has_element() or bool(self._buffers)

    def waiting(self) -> tuple[int, int]:
        """How many buffers wait, and how many bytes they have."""
        return len(self._buffers), sum(map(len, self._buffers))

    def grant(self, credit: int) -> None:
        """Let the producer send more."""
        if self._connection is not None:
            self._connection.grant(self._channel, credit)

    def close(self) -> None:
        """Let go; the producer is told unless it is done."""
        if not self._closed:
            self._closed = True
            if self._connection is not None:
                self._connection.close_channel(self._channel)
            self._free()

    def _finish(self) -> None:
        self._closed = True
        if self._connection is not None:
            self._connection.consumed(self._channel)
        self._free()

    def record(self, recorder: ChannelRecorder | None) -> None:
        """Keep what waits and what comes."""
        if recorder is not None and recorder.feed(self._waiting()):
            recorder = None
        self._recorder = recorder

    def _waiting(self) -> list[bytes | memoryview]:
        """All that came and was not taken."""
        return [*self._assembler.pending(), *self._buffers]

    def _free(self) -> None:
        self._recorder = None
        self._buffers.clear()
        self._gate.on_grants(self._credits.close_channel(self._index))

    def on_buffer(self, payload: bytes, backlog: int) -> None:
        """A buffer came over the connection."""
        if self._closed:
            return
        grants = self._credits.on_buffer(self._index, backlog)
        self._gate.bytes_in += len(payload)
        self._gate.buffers_remote += 1
        self._buffers.append(payload)
        recorder = self._recorder
        if recorder is not None and recorder.feed((payload,)):
            self._recorder = None
            self._gate.on_recorded(self._index, recorder)
        if grants:
            self._gate.on_grants(grants)
        self._gate.on_data(self._index)

    def on_barrier(self, element: bytes, overtakes: bool) -> None:
        """A barrier comes over the connection, ahead of what the producer had queued, or it will."""
        if self._closed:
            return
        barrier = decode_barrier_element(element)
        recorder = self._recorder
        if overtakes and recorder is not None and recorder.checkpoint_id == barrier.checkpoint_id:
            recorder.end()
            self._recorder = None
        self._gate.on_barrier(self._index, barrier, overtakes, self._waiting() if overtakes else ())

    def on_failed(self, reason: str) -> None:
        """Nothing more will come."""
        if not self._closed:
            self._closed = True
            self._free()
            self._gate.on_failed(self._index, reason)
