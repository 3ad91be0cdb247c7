"""Sinks that ``sink_to`` takes: a :class:`Sink` makes one :class:`SinkWriter` per subtask.

What a writer has written may become visible outside at once, or in two steps: a :class:`CommittingSinkWriter` hands
over what is written (*committables*), and the sink's :class:`Committer` makes it visible when it is known that it will
not be written again. When that is, the engine decides:

* With checkpoints, at each of them: the writer flushes, hands over its committables and says what it needs to go on
  (:class:`StatefulSinkWriter`); all of it is part of the checkpoint. When the checkpoint is complete, the committables
  are committed. After a failure what the checkpoint holds is committed first, once more, and the writer goes on from
  its state. So each committable of a complete checkpoint is committed at least once, and one that no checkpoint holds
  never is: with a committer that passes over what was committed before, that is exactly once.
* Without, at the end of the input where all of the job's sources end by themselves, and else as soon as the writer
  hands it over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from millstream.common.config import Configuration
from millstream.common.typeinfo import TypeInformation
from millstream.datastream.commit_request import CommitOutcome, CommitRequest

__all__ = [
    "CommitOutcome",
    "CommitRequest",
    "Committer",
    "CommitterInitContext",
    "CommittingSinkWriter",
    "Sink",
    "SinkWriter",
    "StatefulSinkWriter",
    "SupportsCommitter",
    "SupportsWriterState",
    "WriterContext",
    "WriterInitContext",
]


@dataclass(slots=True)
class WriterContext:
    """What a writer knows of the record it writes; one object is reused for all records.

    :ivar timestamp: the record's event timestamp in ms, or ``None``.
    :ivar current_watermark: ms.
    :ivar processing_time: the wall clock in ms, looked at once for records that come together.
    """

    timestamp: int | None = None
    current_watermark: int = -(2**63)
    processing_time: int = 0


@dataclass(frozen=True, slots=True)
class WriterInitContext:
    """What a writer knows of its place.

    :ivar subtask_id: 0-based.
    :ivar attempt_number: how often the subtask was started before in this job.
    :ivar restored_checkpoint_id: the checkpoint that the job goes on from; ``None``: it begins anew.
    :ivar job_id: this job; a job that goes on from another one's savepoint has an id of its own.
    :ivar lineage_id: the first job of the chain of restores that this one is the last of. Checkpoint ids grow all along
        the chain, so (lineage, operator, checkpoint) names a commit for ever.
    :ivar operator_id: the sink's id, which stays when its uid does.
    :ivar checkpointing: the job takes checkpoints.
    :ivar configuration: the cluster's and the job's settings, such as the credentials of file systems.
    """

    subtask_id: int = 0
    number_of_parallel_subtasks: int = 1
    attempt_number: int = 0
    restored_checkpoint_id: int | None = None
    job_id: str = ""
    lineage_id: str = ""
    operator_id: str = ""
    checkpointing: bool = False
    configuration: Configuration = field(default_factory=Configuration, compare=False)


@dataclass(frozen=True, slots=True)
class CommitterInitContext(WriterInitContext):
    """What a committer knows of its place: the same as its subtask's writer."""


class SinkWriter(ABC):
    """Writes one subtask's records."""

    @abstractmethod
    def write(self, value: Any, context: WriterContext) -> None:
        """Write one record (or keep it until :meth:`flush`)."""

    def flush(self, end_of_input: bool) -> None:  # noqa: B027  # optional hook
        """Write out all that is kept, before it returns. Called for checkpoints and at the end of the input."""

    def on_processing_time(self, now_ms: int) -> int | None:
        """Do what is due by the clock. Called first when the subtask starts, then at the times that were asked for.

        :returns: when to be called again, ms since the Unix epoch; ``None``: never.
        """
        return None

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of everything. Called once, also after a failure."""


class StatefulSinkWriter(SinkWriter):
    """A writer that goes on from its state; its sink is a :class:`SupportsWriterState`."""

    @abstractmethod
    def snapshot_state(self, checkpoint_id: int) -> Sequence[Any]:
        """Return what a writer needs to go on from here, in parts that may go to different writers. Picklable.

        Called after :meth:`flush`, and :meth:`CommittingSinkWriter.prepare_commit` where there is one: what was handed
        over there does not belong to it.
        """


class CommittingSinkWriter(SinkWriter):
    """A writer whose output is made visible by a :class:`Committer`."""

    @abstractmethod
    def prepare_commit(self) -> Sequence[Any]:
        """Hand over what is written and complete, each piece once. It can be pickled, and survives :meth:`close`.

        After ``flush(True)`` that is all there is.
        """

    def discard(self) -> None:  # optional hook
        """Throw away what was written and not handed over: the job has failed, and will write all of it again.

        Called before :meth:`close`, after which nothing else is. Not called where the input may be the only copy, nor
        where a checkpoint may hold what was written.
        """


class Committer(ABC):
    """Makes visible what writers have handed over."""

    @abstractmethod
    def commit(self, requests: Sequence[CommitRequest]) -> None:
        """Make these visible, and say of each one that was not what is to become of it.

        What was committed before, by an earlier attempt, is passed over. If it raises, the job fails, and all of them
        are given again after the restart.
        """

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of everything. Called once, also after a failure."""


class Sink(ABC):
    """Where a stream ends."""

    @abstractmethod
    def create_writer(self, context: WriterInitContext) -> SinkWriter:
        """Make the writer of one subtask."""

    def for_input_type(self, input_type: TypeInformation) -> Sink:
        """The sink for a stream of this type; ``sink_to`` asks where the type is known. As a rule the sink itself."""
        return self


class SupportsWriterState(ABC):
    """What a :class:`Sink` is too whose writers are :class:`StatefulSinkWriter` s."""

    @abstractmethod
    def restore_writer(self, context: WriterInitContext, states: Sequence[Any]) -> StatefulSinkWriter:
        """Make the writer of one subtask, which goes on from these states, those of any number of earlier writers."""


class SupportsCommitter(ABC):
    """What a :class:`Sink` is too whose writers are :class:`CommittingSinkWriter` s."""

    @abstractmethod
    def create_committer(self, context: CommitterInitContext) -> Committer:
        """Make the committer of one subtask."""
