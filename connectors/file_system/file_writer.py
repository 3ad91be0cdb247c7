"""Writes one subtask's records into buckets of part files."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millstream.common.serialization import Encoder
from millstream.connectors.file_system.bucket_assigner import BucketAssigner
from millstream.connectors.file_system.output_file_config import OutputFileConfig
from millstream.connectors.file_system.part_file import PartFile, PendingFile
from millstream.connectors.file_system.rolling_policy import RollingPolicy
from millstream.datastream.sink import CommittingSinkWriter, WriterContext

__all__ = ["FileWriter"]

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Bucket:
    """A directory, and the file in it that is in progress.

    :ivar name: what the names of all its files begin with; no other writer's do.
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


class FileWriter(CommittingSinkWriter):
    """Committables are :class:`PendingFile` s."""

    def __init__(
        self,
        base_path: str,
        encoder: Encoder[Any],
        bucket_assigner: BucketAssigner,
        rolling_policy: RollingPolicy,
        output_file_config: OutputFileConfig,
        bucket_check_interval: int,
    ) -> None:
        """:param bucket_check_interval: how often to look for files that are to be rolled by the clock, ms."""
        self._base_path = base_path
        self._encode = encoder.encode
        self._get_bucket_id = bucket_assigner.get_bucket_id
        self._rolling_policy = rolling_policy
        self._should_roll = rolling_policy.should_roll_on_event
        self._prefix = output_file_config.get_part_prefix()
        self._suffix = output_file_config.get_part_suffix()
        self._check_interval = bucket_check_interval
        self._assigner_context = _AssignerContext()
        self._buckets: dict[str, _Bucket] = {}
        self._pending: list[PendingFile] = []

    def write(self, value: Any, context: WriterContext) -> None:
        assigner_context = self._assigner_context
        assigner_context.writer = context
        bucket_id = self._get_bucket_id(value, assigner_context)
        bucket = self._buckets.get(bucket_id)
        if bucket is None:
            bucket = self._new_bucket(bucket_id)
        data = self._encode(value)
        part = bucket.part
        if part is None or self._should_roll(part, value):
            self._roll(bucket)
            part = bucket.part = PartFile(
                bucket_id,
                bucket.directory,
                f"{bucket.name}-{bucket.parts}{self._suffix}",
                context.processing_time,
            )
            bucket.parts += 1
        part.write(data, context.processing_time)

    def flush(self, end_of_input: bool) -> None:
        for bucket in self._buckets.values():
            if bucket.part is None:
                continue
            if end_of_input or self._rolling_policy.should_roll_on_checkpoint(bucket.part):
                self._roll(bucket)
            else:
                bucket.part.flush()

    def prepare_commit(self) -> Sequence[PendingFile]:
        pending, self._pending = self._pending, []
        return pending

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
            try:
                os.unlink(pending.in_progress_path)
            except OSError as error:
                _LOG.warning("The unfinished file %r cannot be removed: %s", pending.in_progress_path, error.strerror)

    def close(self) -> None:
        """Close all files. What is in progress stays under its hidden name."""
        for bucket in self._buckets.values():
            if bucket.part is not None:
                part, bucket.part = bucket.part, None
                unfinished = part.close()
                _LOG.info("The file %r stays unfinished", unfinished.in_progress_path)

    def _roll(self, bucket: _Bucket) -> None:
        if bucket.part is not None:
            self._pending.append(bucket.part.close_for_commit())
            bucket.part = None

    def _new_bucket(self, bucket_id: Any) -> _Bucket:
        if not isinstance(bucket_id, str):
            raise TypeError(f"a bucket id is a text, but the BucketAssigner gave {bucket_id!r}")
        if bucket_id.startswith("/") or ".." in bucket_id.split("/") or "\0" in bucket_id:
            raise ValueError(
                f"bucket id {bucket_id!r} leads out of the sink's base path {self._base_path!r}; the BucketAssigner "
                "has to give relative paths without '..'"
            )
        directory = os.path.join(self._base_path, bucket_id) if bucket_id else self._base_path
        bucket = self._buckets[bucket_id] = _Bucket(bucket_id, directory, f"{self._prefix}-{uuid.uuid4()}")
        return bucket
