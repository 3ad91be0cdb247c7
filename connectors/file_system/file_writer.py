"""Writes one subtask's records into buckets of part files."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from millstream.common.fault_points import FaultPoint
from millstream.common.file_system import FileSystemError
from millstream.common.serialization import Encoder
from millstream.connectors.file_system.bucket_assigner import BucketAssigner
from millstream.connectors.file_system.bulk_writer import BulkWriterFactory
from millstream.connectors.file_system.output_file_config import OutputFileConfig
from millstream.connectors.file_system.part_file import (
    InProgressFile,
    ObsoleteFile,
    PartFile,
    PendingFile,
    hidden_path,
)
from millstream.connectors.file_system.part_mark import PartMark
from millstream.connectors.file_system.part_store import PartStore
from millstream.connectors.file_system.rolling_policy import RollingPolicy
from millstream.datastream.functions import CheckpointListener
from millstream.datastream.sink import CommittingSinkWriter, StatefulSinkWriter, WriterContext, WriterInitContext

__all__ = ["FileWriter"]

_LOG = logging.getLogger(__name__)

_COMPLETE: Final = FaultPoint(
    "file-sink.file-complete", "a file is complete under its hidden name, no checkpoint knows it", OSError
)
_BEGUN_AGAIN: Final = FaultPoint(
    "file-sink.file-resumed", "a file goes on in another, the old one is still there", OSError
)


@dataclass(slots=True)
class _Bucket:
    """A directory, and the file in it that is in progress.

    :ivar name: what the names of all its files begin with; no other writer's do, not of any attempt.
    :ivar parts: how many files there have been.
    """

    bucket_id: str
    directory: str
    name: str
    part: PartFile | None = None
    parts: int = 0


class _AssignerContext:
    """The writer's context as assigners see it."""

    __slots__ = ("writer",)

    def __init__(self) -> None:
        self.writer = WriterContext()

    def timestamp(self) -> int | None:
        return self.writer.timestamp

    def current_processing_time(self) -> int:
        return self.writer.processing_time

    def current_watermark(self) -> int:
        return self.writer.current_watermark


class FileWriter(StatefulSinkWriter, CommittingSinkWriter, CheckpointListener):
    """Committables are :class:`PendingFile` s and :class:`ObsoleteFile` s, its state :class:`InProgressFile` s."""

    def __init__(
        self,
        base_path: str,
        store: PartStore,
        record_format: Encoder[Any] | BulkWriterFactory,
        bucket_assigner: BucketAssigner,
        rolling_policy: RollingPolicy,
        output_file_config: OutputFileConfig,
        bucket_check_interval: int,
        context: WriterInitContext,
    ) -> None:
        """:param bucket_check_interval: how often to look for files that are to be rolled by the clock, ms."""
        self._base_path = base_path
        self._store = store
        self._encode = record_format.encode if isinstance(record_format, Encoder) else None
        self._create_bulk = None if isinstance(record_format, Encoder) else record_format.create
        self._get_bucket_id = bucket_assigner.get_bucket_id
        self._rolling_policy = rolling_policy
        self._should_roll = rolling_policy.should_roll_on_event
        # Half a file of such a format, or of such a store, is nothing that one could go on with.
        self._always_rolls = self._create_bulk is not None or not store.resumable
        self._prefix = output_file_config.get_part_prefix()
        self._suffix = output_file_config.get_part_suffix()
        self._check_interval = bucket_check_interval
        self._init = context
        self._mark = PartMark.of(context, context.restored_checkpoint_id or 0)
        self._assigner_context = _AssignerContext()
        self._buckets: dict[str, _Bucket] = {}
        self._pending: list[PendingFile | ObsoleteFile] = []
        self._persisted: list[InProgressFile] = []
        # The names of its files, until a checkpoint of this attempt is complete, if there may be files of others.
        self._begun: set[str] | None = None
        if context.checkpointing and (context.attempt_number or context.restored_checkpoint_id is not None):
            self._begun = set()

    def resume(self, files: Sequence[InProgressFile]) -> None:
        """Go on with files that were in progress when the checkpoint was taken."""
        for file in files:
            bucket = self._buckets.get(file.bucket_id) or self._new_bucket(file.bucket_id)
            self._roll(bucket)  # subtasks that are one now had files in the same bucket: all but one are complete
            self._begin(bucket, file.created, file)
            self._pending.append(ObsoleteFile(file.path))
            _BEGUN_AGAIN.reach()

    def write(self, value: Any, context: WriterContext) -> None:
        assigner_context = self._assigner_context
        assigner_context.writer = context
        bucket_id = self._get_bucket_id(value, assigner_context)
        bucket = self._buckets.get(bucket_id)
        if bucket is None:
            bucket = self._new_bucket(bucket_id)
        encode = self._encode
        data = encode(value) if encode is not None else None
        part = bucket.part
        if part is None or self._should_roll(part, value):
            self._roll(bucket)
            part = self._begin(bucket, context.processing_time)
        if data is not None:
            part.write(data, context.processing_time)
        else:
            part.add(value, context.processing_time)

    def flush(self, end_of_input: bool) -> None:
        self._persisted = []
        for bucket in self._buckets.values():
            if bucket.part is None:
                continue
            if end_of_input or self._always_rolls or self._rolling_policy.should_roll_on_checkpoint(bucket.part):
                self._roll(bucket)
            else:
                self._persisted.append(bucket.part.persist())

    def prepare_commit(self) -> Sequence[PendingFile | ObsoleteFile]:
        pending, self._pending = self._pending, []
        return pending

    def snapshot_state(self, checkpoint_id: int) -> Sequence[InProgressFile]:
        self._mark = PartMark.of(self._init, checkpoint_id)
        return self._persisted

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:
        """Delete what other attempts have begun, when the first checkpoint of this one is complete."""
        if self._begun is None:
            return
        begun, self._begun = self._begun, None
        parallelism = self._init.number_of_parallel_subtasks
        for path, name in self._store.hidden(self._base_path):
            mark = PartMark.parse(name)
            if mark is not None and name not in begun and self._mark.is_left_over(mark, checkpoint_id, parallelism):
                self._delete(path)

    def on_processing_time(self, now_ms: int) -> int:
        for bucket_id, bucket in list(self._buckets.items()):
            if bucket.part is None:
                del self._buckets[bucket_id]  # nothing came since the last check
            elif self._rolling_policy.should_roll_on_processing_time(bucket.part, now_ms):
                self._roll(bucket)
        return now_ms + self._check_interval

    def discard(self) -> None:
        for bucket in self._buckets.values():
            if bucket.part is not None:
                part, bucket.part = bucket.part, None
                self._pending.append(part.close())
        for pending in self.prepare_commit():
            if isinstance(pending, PendingFile):
                self._delete(pending.in_progress_path)

    def close(self) -> None:
        """Close all files. What is in progress stays under its hidden name."""
        for bucket in self._buckets.values():
            if bucket.part is not None:
                part, bucket.part = bucket.part, None
                unfinished = part.close()
                _LOG.info("The file %r stays unfinished", unfinished.in_progress_path)

    def _begin(self, bucket: _Bucket, now_ms: int, resumed: InProgressFile | None = None) -> PartFile:
        path = f"{bucket.directory}/{bucket.name}-{bucket.parts}{self._suffix}"
        bucket.parts += 1
        in_progress_path = hidden_path(path, str(self._mark))
        if self._begun is not None:
            self._begun.add(in_progress_path.rpartition("/")[2])
        part = bucket.part = PartFile(
            self._store, bucket.bucket_id, path, in_progress_path, now_ms, self._create_bulk, resumed
        )
        return part

    def _roll(self, bucket: _Bucket) -> None:
        if bucket.part is not None:
            self._pending.append(bucket.part.close_for_commit())
            bucket.part = None
            _COMPLETE.reach()

    def _new_bucket(self, bucket_id: Any) -> _Bucket:
        if not isinstance(bucket_id, str):
            raise TypeError(f"a bucket id is a text, but the BucketAssigner gave {bucket_id!r}")
        if bucket_id.startswith("/") or ".." in bucket_id.split("/") or "\0" in bucket_id:
            raise ValueError(
                f"bucket id {bucket_id!r} leads out of the sink's base path {self._base_path!r}; the BucketAssigner "
                "has to give relative paths without '..'"
            )
        base_path = self._base_path.rstrip("/")
        directory = f"{base_path}/{bucket_id.rstrip('/')}" if bucket_id else base_path
        bucket = self._buckets[bucket_id] = _Bucket(bucket_id, directory, f"{self._prefix}-{uuid.uuid4()}")
        return bucket

    def _delete(self, path: str) -> None:
        try:
            self._store.delete(path)
        except (OSError, FileSystemError) as error:
            _LOG.warning("The unfinished file %r cannot be removed: %s", path, error)
