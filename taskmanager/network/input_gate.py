"""All inputs of one task, served in turn."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from millstream.common.records import CheckpointBarrier, Element, EndOfPartition
from millstream.taskmanager.exchange import BarrierListener, ChannelInfo, Chunks, PartitionLostError, Recorded
from millstream.taskmanager.exchange_usage import InputUsage, QueueLengths
from millstream.taskmanager.network.channel_recorder import ChannelRecorder
from millstream.taskmanager.network.credit_receiver import CreditReceiver, Grant
from millstream.taskmanager.network.input_channel import LocalInputChannel, RemoteInputChannel
from millstream.taskmanager.network.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["TaskInputGate"]


class TaskInputGate:
    """Implements :class:`millstream.taskmanager.exchange.InputGate`."""

    def __init__(self, infos: list[ChannelInfo]) -> None:
        self.bytes_in = 0
        self.deserialize_ns = 0
        self.buffers_local = 0
        self.buffers_remote = 0
        self._infos = infos
        self._accounts: Sequence[CreditReceiver] = ()
        self._channels: Sequence[LocalInputChannel | RemoteInputChannel] = ()
        self._ready: deque[int] = deque()  # channels that may have something, each once
        self._queued = [False] * len(infos)  # is in _ready, or would be if it were not blocked
        self._blocked: set[int] = set()
        self._unfinished = len(infos)
        self._finished = [False] * len(infos)
        self._failure: PartitionLostError | None = None
        self._closed = False
        self._woken = False
        self._changed = Wakeup()
        self._listener: BarrierListener | None = None
        self._unheard: list[tuple[int, CheckpointBarrier, bool, Chunks]] = []
        self._recorders: dict[int, ChannelRecorder] = {}

    def open(
        self, channels: Sequence[LocalInputChannel | RemoteInputChannel], accounts: Sequence[CreditReceiver] = ()
    ) -> None:
        """Give it its channels, one for each of the infos, and the accounts of their buffers."""
        self._channels = channels
        self._accounts = accounts

    # ------------------------------------------------------------ for the task

    @property
    def channels(self) -> list[ChannelInfo]:
        return self._infos

    def poll(self) -> tuple[int, Element] | None:
        if self._failure is not None:
            raise self._failure
        ready, queued, blocked = self._ready, self._queued, self._blocked
        while ready:
            index = ready.popleft()
            if index in blocked:
                continue  # stays marked as queued; comes back when it is unblocked
            channel = self._channels[index]
            element = channel.take()
            if channel.has_more():
                ready.append(index)
            else:
                queued[index] = False
            if element is not None:
                if isinstance(element, EndOfPartition):
                    self._finished[index] = True
                    self._unfinished -= 1
                return index, element
            if self._failure is not None:
                raise self._failure
        return None

    async def wait(self) -> None:
        while not self._ready and self._failure is None and not self._closed and not self._woken:
            await self._changed.wait()
        self._woken = False

    def wake(self) -> None:
        self._woken = True
        self._changed.notify()

    def is_finished(self) -> bool:
        return self._unfinished == 0

    def block(self, channel: int) -> None:
        self._blocked.add(channel)
        if self._queued[channel] and channel in self._ready:
            self._ready.remove(channel)

    def unblock_all(self) -> None:
        for index in sorted(self._blocked):
            if self._queued[index]:
                self._ready.append(index)
        self._blocked.clear()
        if self._ready:
            self._changed.notify()

    def listen(self, listener: BarrierListener) -> None:
        self._listener = listener
        unheard, self._unheard = self._unheard, []
        for each in unheard:
            self.on_barrier(*each)

    def record(self, checkpoint_id: int, channels: Collection[int]) -> list[int]:
        self.stop_recording()
        for index in channels:
            recorder = self._recorders[index] = ChannelRecorder(checkpoint_id)
            self._channels[index].record(recorder)
        return [index for index, recorder in self._recorders.items() if recorder.complete]

    def recorded(self) -> dict[int, Recorded]:
        return {index: Recorded(recorder.chunks, recorder.error) for index, recorder in self._recorders.items()}

    def stop_recording(self) -> None:
        for index in self._recorders:
            self._channels[index].record(None)
        self._recorders.clear()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.stop_recording()
        self._listener = None
        for index, channel in enumerate(self._channels):
            if not self._finished[index]:
                channel.close()
        self._ready.clear()
        self._changed.notify()

    def usage(self) -> InputUsage:
        waiting = [channel.waiting() for channel in self._channels]
        accounts = [account.usage() for account in self._accounts]
        exclusive = sum(each.exclusive for each in accounts)
        floating = sum(each.floating for each in accounts) if exclusive else 0
        held = sum(each.held for each in accounts)
        return InputUsage(
            buffers_local=self.buffers_local,
            buffers_remote=self.buffers_remote,
            queued=QueueLengths.of([count for count, _ in waiting]),
            queued_bytes=sum(size for _, size in waiting),
            buffers=exclusive + floating,
            buffers_used=held,
            pool_usage=held / (exclusive + floating) if exclusive else 0.0,
            floating_usage=sum(each.floating_given for each in accounts) / floating if floating else 0.0,
            exclusive_usage=sum(each.exclusive_held for each in accounts) / exclusive if exclusive else 0.0,
        )

    @property
    def is_closed(self) -> bool:
        """:meth:`close` was called."""
        return self._closed

    # ------------------------------------------------------------ for the channels

    def on_data(self, index: int) -> None:
        if self._queued[index]:
            return
        self._queued[index] = True
        if index not in self._blocked:
            self._ready.append(index)
            self._changed.notify()

    def on_barrier(self, index: int, barrier: CheckpointBarrier, overtakes: bool, before: Chunks) -> None:
        if self._closed:
            return
        if self._listener is None:
            self._unheard.append((index, barrier, overtakes, before))
        elif overtakes:
            self._listener.on_overtaking(index, barrier, before)
        else:
            self._listener.on_announced(index, barrier)

    def on_recorded(self, index: int, recorder: ChannelRecorder) -> None:
        if self._listener is not None:
            self._listener.on_recorded(index, recorder.checkpoint_id)

    def on_failed(self, index: int, reason: str) -> None:
        if self._finished[index] or self._closed:
            return
        if self._failure is None:
            info = self._infos[index]
            self._failure = PartitionLostError(
                f"Input channel {index} (edge {info.edge_id}, producer subtask {info.producer_subtask}) was lost: "
                f"{reason}"
            )
        self._changed.notify()

    def on_grants(self, grants: list[Grant]) -> None:
        for grant in grants:
            channel = self._channels[grant.channel]
            if isinstance(channel, RemoteInputChannel):
                channel.grant(grant.credit)
