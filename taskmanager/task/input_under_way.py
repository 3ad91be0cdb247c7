"""What of a task's input belongs to an unaligned checkpoint though the task has not processed it.

Of each channel that is what came before its barrier: of those that had brought it when the snapshot was taken, what
waited in front of it; of the others also what comes until it does. And of one channel perhaps the rest of a batch that
the task was at.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from millstream.common.records import RecordBatch
from millstream.taskmanager.exchange import Chunks, InputGate, UnderWay
from millstream.taskmanager.network.element_codec import encode_elements

__all__ = ["InputUnderWay", "KeptInput"]


@dataclass(frozen=True, slots=True)
class KeptInput:
    """The result.

    :ivar error: why it cannot be kept.
    :ivar alignment_ns: from the first barrier to the last.
    """

    channels: list[UnderWay]
    error: Exception | None = None
    alignment_ns: int = 0


@dataclass(slots=True)
class _Running:
    checkpoint_id: int
    result: asyncio.Future[KeptInput]
    parts: dict[int, list[bytes | memoryview]] = field(default_factory=dict)


class InputUnderWay:
    """Collects it, for one checkpoint at a time."""

    def __init__(self, gate: InputGate | None, subtask_index: int) -> None:
        self._gate = gate
        self._subtask_index = subtask_index
        self._before: dict[int, dict[int, Chunks]] = {}  # by checkpoint that was not taken yet, and channel
        self._running: _Running | None = None

    def arrived(self, checkpoint_id: int, channel: int, before: Chunks) -> None:
        """A barrier has come behind this, which the task will not process before it has taken the checkpoint.

        Said when it comes, not when the task gets to it: what comes in between does not belong to the checkpoint,
        though another channel's barrier may have begun it by then.
        """
        self._before.setdefault(checkpoint_id, {})[channel] = before

    def begin(
        self, checkpoint_id: int, missing: tuple[int, ...], rest: tuple[int, RecordBatch] | None
    ) -> tuple[asyncio.Future[KeptInput], list[int]]:
        """The snapshot is being taken.

        :param rest: what was not processed of the last batch, and its channel.
        :return: what gives the result; the missing channels whose barrier is in sight.
        :raises RecordSerializationError: the rest cannot be kept.
        """
        self.give_up()
        running = _Running(checkpoint_id, asyncio.get_running_loop().create_future())
        before = self._before.pop(checkpoint_id, {})
        self._before = {each: parts for each, parts in self._before.items() if each > checkpoint_id}
        if rest is not None:
            running.parts[rest[0]] = [*encode_elements((rest[1],))]
        for channel, chunks in before.items():
            running.parts.setdefault(channel, []).extend(chunks)
        self._running = running
        if self._gate is None:
            return running.result, []
        return running.result, self._gate.record(checkpoint_id, [each for each in missing if each not in before])

    def complete(self, checkpoint_id: int, alignment_ns: int) -> None:
        """Nothing more belongs to it."""
        running = self._running
        if running is None or running.checkpoint_id != checkpoint_id:
            return
        self._running = None
        channels: list[UnderWay] = []
        error: Exception | None = None
        if self._gate is not None:
            for channel, recorded in self._gate.recorded().items():
                running.parts.setdefault(channel, []).extend(recorded.chunks)
                error = error or recorded.error
            self._gate.stop_recording()
            infos = self._gate.channels
            channels = [
                UnderWay(infos[index].edge_id, infos[index].producer_subtask, self._subtask_index, False, chunks)
                for index, chunks in sorted(running.parts.items())
                if chunks
            ]
        if not running.result.done():
            running.result.set_result(KeptInput(channels, error, alignment_ns))

    def give_up(self, checkpoint_id: int | None = None) -> None:
        """The checkpoint, or whichever it is, is not wanted any more."""
        if checkpoint_id is not None:
            self._before.pop(checkpoint_id, None)
        running = self._running
        if running is not None and checkpoint_id in (None, running.checkpoint_id):
            self._running = None
            running.result.cancel()
            if self._gate is not None:
                self._gate.stop_recording()
