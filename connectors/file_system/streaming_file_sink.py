"""The file sink as it was before ``FileSink``: it goes to ``add_sink``."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

from millstream.common.serialization import Encoder
from millstream.common.typeinfo import TypeInformation
from millstream.connectors.file_system.bucket_assigner import BucketAssigner
from millstream.connectors.file_system.bulk_writer import BulkWriterFactory
from millstream.connectors.file_system.file_committer import FileCommitter
from millstream.connectors.file_system.file_sink import FileSink
from millstream.connectors.file_system.file_writer import FileWriter
from millstream.connectors.file_system.output_file_config import OutputFileConfig
from millstream.connectors.file_system.part_file import InProgressFile
from millstream.connectors.file_system.rolling_policy import RollingPolicy
from millstream.datastream.functions import SinkFunction
from millstream.datastream.sink import (
    CommitterInitContext,
    Sink,
    SupportsCommitter,
    SupportsWriterState,
    WriterInitContext,
)

__all__ = ["StreamingFileSink"]

_B = TypeVar("_B", bound="StreamingFileSink.BaseBuilder")


class StreamingFileSink(SinkFunction, Sink, SupportsCommitter, SupportsWriterState):
    """Does what a :class:`~millstream.connectors.file_system.file_sink.FileSink` does. Deprecated: use that."""

    def __init__(self, sink: FileSink) -> None:
        warnings.warn("StreamingFileSink is deprecated: use FileSink and sink_to()", DeprecationWarning, stacklevel=3)
        self._sink = sink

    def invoke(self, value: Any, context: Any) -> NoReturn:
        """Not called: ``add_sink`` takes it for the sink that it is."""
        raise TypeError("a StreamingFileSink works as a sink of its own only: give it to add_sink()")

    def create_writer(self, context: WriterInitContext) -> FileWriter:
        return self._sink.create_writer(context)

    def restore_writer(self, context: WriterInitContext, states: Sequence[InProgressFile]) -> FileWriter:
        return self._sink.restore_writer(context, states)

    def create_committer(self, context: CommitterInitContext) -> FileCommitter:
        return self._sink.create_committer(context)

    def for_input_type(self, input_type: TypeInformation) -> FileSink:
        return self._sink.for_input_type(input_type)

    @staticmethod
    def for_row_format(base_path: str, encoder: Encoder[Any]) -> StreamingFileSink.DefaultRowFormatBuilder:
        """Start a sink that writes one record after the other."""
        return StreamingFileSink.DefaultRowFormatBuilder(FileSink.for_row_format(base_path, encoder))

    @staticmethod
    def for_bulk_format(
        base_path: str, writer_factory: BulkWriterFactory
    ) -> StreamingFileSink.DefaultBulkFormatBuilder:
        """Start a sink that writes many records at once."""
        return StreamingFileSink.DefaultBulkFormatBuilder(FileSink.for_bulk_format(base_path, writer_factory))

    class BaseBuilder:
        """Builds a :class:`StreamingFileSink`."""

        def __init__(self, builder: FileSink.BaseBuilder) -> None:
            self._builder = builder

        def with_bucket_check_interval(self: _B, interval: int) -> _B:
            self._builder.with_bucket_check_interval(interval)
            return self

        def with_bucket_assigner(self: _B, bucket_assigner: BucketAssigner) -> _B:
            self._builder.with_bucket_assigner(bucket_assigner)
            return self

        def with_rolling_policy(self: _B, policy: RollingPolicy) -> _B:
            """When a file is ended and another one begun."""
            self._builder.with_rolling_policy(policy)
            return self

        def with_output_file_config(self: _B, output_file_config: OutputFileConfig) -> _B:
            self._builder.with_output_file_config(output_file_config)
            return self

        def build(self) -> StreamingFileSink:
            return StreamingFileSink(self._builder.build())

    class DefaultRowFormatBuilder(BaseBuilder):
        """Builds a :class:`StreamingFileSink` that writes one record after the other."""

    class DefaultBulkFormatBuilder(BaseBuilder):
        """Builds a :class:`StreamingFileSink` that writes many records at once."""
