"""Runs a ``GenericWriteAheadSink``: keeps its records until a checkpoint that holds them is complete."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.graph.operator_spec import SinkFunctionSpec
from millstream.common.records import RecordBatch
from millstream.datastream.functions import GenericWriteAheadSink
from millstream.taskmanager.operators.last_checkpoint import comes_last_checkpoint
from millstream.taskmanager.operators.operator import (
    CheckpointInfo,
    FailureSite,
    Operator,
    OperatorContext,
    OperatorInfo,
    Output,
    Pause,
)
from millstream.taskmanager.operators.user_function import UserFunction

__all__ = ["WriteAheadSinkOperator"]

_log = logging.getLogger(__name__)

_SENT: Final = FaultPoint(
    "sink.section-sent", "a checkpoint's records are sent, nothing says so for the next attempt", MillstreamError
)
_SECTION_NOTED: Final = FaultPoint(
    "sink.section-noted",
    "it is noted that a checkpoint's records are sent, its task does not know that",
    MillstreamError,
)

_LOG_SECTIONS = " sink-write-ahead-log"
_LAST_ATTEMPTS = 10
_FIRST_DELAY_S = 0.1
_LONGEST_DELAY_S = 5.0


@dataclass(frozen=True, slots=True)
class _Section:
    """The records of a subtask between two checkpoints.

    :ivar subtask: who had them first; with the checkpoint it is what the section is known by.
    :ivar checkpoint_id: the second of the two.
    """

    subtask: int
    checkpoint_id: int
    timestamp: int
    records: tuple[Any, ...]


class WriteAheadSinkOperator(Operator):
    """Sections are sent in the order of their checkpoints: one that cannot be sent holds up those after it."""

    def __init__(self, spec: SinkFunctionSpec, context: OperatorContext) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._states = context.state
        self._waits_at_end = comes_last_checkpoint(context)
        self._clock = context.clock
        self._subtask = context.task.subtask_index
        self._sink: GenericWriteAheadSink = spec.function
        self._user = UserFunction(spec.function, "send_values", context)
        self._committer = self._sink.committer
        self._committer.set_job_id(self._sink.job_id or context.state.lineage_id or context.task.job_id)
        self._committer.set_operator_id(context.info.operator_id)
        self._committer_is_open = False
        self._records: list[Any] = []
        self._sections: list[_Section] = []
        self._finished = False
        self._phase = ""
        self._records_in = 0

    def initialize_state(self) -> None:
        self._user.initialize_state()

    def open(self) -> None:
        self._user.open()
        self._committer.create_resource()
        self._committer.open()
        self._committer_is_open = True
        if self._states.is_restored:
            sections: list[_Section] = self._states.operator().items(_LOG_SECTIONS) or []
            self._sections = sorted(sections, key=lambda section: (section.checkpoint_id, section.subtask))
            self._send(self._states.restored_checkpoint_id)

    def close(self) -> None:
        try:
            if self._committer_is_open:
                self._committer.close()
        finally:
            self._user.close()

    def process_batch(self, batch: RecordBatch) -> Iterable[Output]:
        self._records.extend(batch.values)
        self._records_in += len(batch.values)
        return ()

    def finish(self) -> Iterable[Output]:
        self._finished = True
        if self._waits_at_end:
            return ()
        self._sections.append(_Section(self._subtask, 0, self._clock.now_ms(), tuple(self._records)))
        self._records = []
        return self._send_all(None)

    def prepare_snapshot(self, checkpoint: CheckpointInfo) -> None:
        self._user.snapshot_state(checkpoint)
        if self._records:
            section = _Section(self._subtask, checkpoint.checkpoint_id, checkpoint.timestamp, tuple(self._records))
            self._sections.append(section)
            self._records = []
        self._states.operator().put_items(_LOG_SECTIONS, list(self._sections))

    def notify_checkpoint_complete(self, checkpoint_id: int) -> Iterable[Output]:
        self._user.notify_checkpoint_complete(checkpoint_id)
        if self._finished:
            return self._send_all(checkpoint_id)
        self._send(checkpoint_id)
        return ()

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:
        self._user.notify_checkpoint_aborted(checkpoint_id)

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        return FailureSite(self._info, self._phase or phase or "invoke")

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records_in

    def _send_all(self, checkpoint_id: int | None) -> Iterator[Pause]:
        """As :meth:`_send`; there will be no later checkpoint, so it is tried until all are sent."""
        for attempt in range(_LAST_ATTEMPTS):
            if self._send(checkpoint_id):
                return
            yield Pause(partial(asyncio.sleep, min(_FIRST_DELAY_S * 2.0**attempt, _LONGEST_DELAY_S)))
        if not self._send(checkpoint_id):
            raise MillstreamError(
                f"sink {self._info.name!r}: send_values() returned False {_LAST_ATTEMPTS + 1} times for the last "
                "records; they are in the state of the last checkpoint and are sent again when the job restarts"
            )

    def _send(self, checkpoint_id: int | None) -> bool:
        """Send what belongs to checkpoints up to this one (``None``: all); returns whether there is none left."""
        while self._sections:
            section = self._sections[0]
            if checkpoint_id is not None and section.checkpoint_id > checkpoint_id:
                return True
            if not self._send_section(section):
                _log.warning(
                    "sink %s: the %d records of checkpoint %d were not sent, and will be tried again",
                    self._info.name,
                    len(section.records),
                    section.checkpoint_id,
                )
                return False
            del self._sections[0]
        return True

    def _send_section(self, section: _Section) -> bool:
        known = section.checkpoint_id > 0
        self._phase = "is_checkpoint_committed"
        if known and self._committer.is_checkpoint_committed(section.subtask, section.checkpoint_id):
            self._phase = ""
            return True
        self._phase = "send_values"
        sent = self._sink.send_values(section.records, section.checkpoint_id, section.timestamp)
        if not isinstance(sent, bool):
            raise TypeError(
                f"{type(self._sink).__name__}.send_values() returned {sent!r}; it must return True when all records "
                "are written, and False when they are to be sent again"
            )
        if sent and known:
            _SENT.reach()
            self._phase = "commit_checkpoint"
            self._committer.commit_checkpoint(section.subtask, section.checkpoint_id)
            _SECTION_NOTED.reach()
        self._phase = ""
        return sent
