"""The sink of files in buckets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeVar

from millstream.common.config import Configuration
from millstream.common.errors import InvalidProgramError
from millstream.common.file_system import file_system_of, qualified
from millstream.common.serialization import Encoder
from millstream.common.typeinfo import TypeInformation
from millstream.connectors.file_system.bucket_assigner import BucketAssigner, DateTimeBucketAssigner
from millstream.connectors.file_system.bulk_writer import BulkWriterFactory
from millstream.connectors.file_system.file_committer import FileCommitter
from millstream.connectors.file_system.file_compactor import FileCompactor, FileCompactStrategy
from millstream.connectors.file_system.file_writer import FileWriter
from millstream.connectors.file_system.local_part_store import LocalPartStore
from millstream.connectors.file_system.local_path import is_remote, local_path
from millstream.connectors.file_system.output_file_config import OutputFileConfig
from millstream.connectors.file_system.part_file import InProgressFile
from millstream.connectors.file_system.part_store import PartStore, PartStoreOwner
from millstream.connectors.file_system.remote_part_store import RemotePartStore
from millstream.connectors.file_system.rolling_policy import CheckpointRollingPolicy, RollingPolicy
from millstream.datastream.call_site import call_site
from millstream.datastream.sink import (
    CommitterInitContext,
    Sink,
    SupportsCommitter,
    SupportsWriterState,
    WriterInitContext,
)

__all__ = ["FileSink"]

_B = TypeVar("_B", bound="FileSink.BaseBuilder")


@dataclass(frozen=True, slots=True)
class _Settings:
    base_path: str
    record_format: Encoder[Any] | BulkWriterFactory
    rolling_policy: RollingPolicy
    bucket_assigner: BucketAssigner = field(default_factory=DateTimeBucketAssigner)
    output_file_config: OutputFileConfig = field(default_factory=lambda: OutputFileConfig.builder().build())
    bucket_check_interval: int = 60_000

    def store(self, configuration: Configuration) -> PartStore:
        file_system = file_system_of(self.base_path, configuration)
        if isinstance(file_system, PartStoreOwner):
            return file_system.part_store()
        return RemotePartStore(file_system) if is_remote(self.base_path) else LocalPartStore()


class FileSink(Sink, SupportsCommitter, SupportsWriterState):
    """Writes records to files below a base path. Made by :meth:`for_row_format` or :meth:`for_bulk_format`.

    Each subtask has files of its own. A file is written under a hidden name; when it is complete it gets its real one,
    ``<prefix>-<unique id>-<number><suffix>``, in the directory of its bucket, and does not change any more: when the
    first checkpoint after it was rolled is complete. So each record is in the finished files once, whatever fails.
    Without checkpoints: at the end of the input if the job's sources all end by themselves, else when it is rolled.
    """

    def __init__(self, settings: Any) -> None:
        self._settings: _Settings = settings

    def create_writer(self, context: WriterInitContext) -> FileWriter:
        settings = self._settings
        return FileWriter(
            settings.base_path,
            settings.store(context.configuration),
            settings.record_format,
            settings.bucket_assigner,
            settings.rolling_policy,
            settings.output_file_config,
            settings.bucket_check_interval,
            context,
        )

    def restore_writer(self, context: WriterInitContext, states: Sequence[InProgressFile]) -> FileWriter:
        writer = self.create_writer(context)
        writer.resume(states)
        return writer

    def create_committer(self, context: CommitterInitContext) -> FileCommitter:
        return FileCommitter(self._settings.store(context.configuration), context.restored_checkpoint_id)

    def for_input_type(self, input_type: TypeInformation) -> FileSink:
        settings = self._settings
        return FileSink(replace(settings, record_format=settings.record_format.for_type(input_type)))

    def get_transformer(self) -> None:
        """What the stream goes through before the sink: nothing."""
        return

    @staticmethod
    def for_row_format(base_path: str, encoder: Encoder[Any]) -> FileSink.RowFormatBuilder:
        """Start a sink that writes one record after the other.

        :param base_path: a directory; it is made if it is not there.
        :param encoder: makes bytes of records: ``Encoder.simple_string_encoder()``, or one of your own.
        """
        return FileSink.RowFormatBuilder(base_path, encoder)

    @staticmethod
    def for_bulk_format(base_path: str, writer_factory: BulkWriterFactory) -> FileSink.BulkFormatBuilder:
        """Start a sink that writes many records at once, in a format such as Parquet.

        Its files are rolled with each checkpoint.

        :param writer_factory: from ``millstream.datastream.formats``: ``ParquetBulkWriters.for_row_type(...)``.
        """
        return FileSink.BulkFormatBuilder(base_path, writer_factory)

    class BaseBuilder(ABC):
        """Builds a :class:`FileSink`."""

        _settings: _Settings

        def with_bucket_check_interval(self: _B, interval: int) -> _B:
            """How often to look for files that are to be rolled by the clock, ms. Default: a minute."""
            if isinstance(interval, bool) or not isinstance(interval, int) or interval <= 0:
                raise ValueError(f"the bucket check interval is a number of milliseconds above 0, not {interval!r}")
            self._settings = replace(self._settings, bucket_check_interval=interval)
            return self

        def with_bucket_assigner(self: _B, bucket_assigner: BucketAssigner) -> _B:
            """Which directory a record goes to. Default: one for each hour."""
            if not isinstance(bucket_assigner, BucketAssigner):
                raise TypeError(f"with_bucket_assigner() takes a BucketAssigner, not {bucket_assigner!r}")
            self._settings = replace(self._settings, bucket_assigner=bucket_assigner)
            return self

        def with_output_file_config(self: _B, output_file_config: OutputFileConfig) -> _B:
            """What files are called. Default: ``part-...``."""
            if not isinstance(output_file_config, OutputFileConfig):
                raise TypeError(f"with_output_file_config() takes an OutputFileConfig, not {output_file_config!r}")
            self._settings = replace(self._settings, output_file_config=output_file_config)
            return self

        @abstractmethod
        def with_rolling_policy(self: _B, rolling_policy: RollingPolicy) -> _B:
            """When a file is ended and another one begun."""

        def enable_compact(self, strategy: FileCompactStrategy, compactor: FileCompactor) -> NoReturn:
            """Refused: files are not compacted in this version."""
            raise InvalidProgramError(
                f"{call_site()}: FileSink does not compact files in this version of Millstream; leave enable_compact() "
                "out, and choose a larger part size or longer intervals in the rolling policy"
            )

        def disable_compact(self: _B) -> _B:
            """As it is anyway."""
            return self

        def build(self) -> FileSink:
            return FileSink(self._settings)

    class RowFormatBuilder(BaseBuilder):
        """Builds a :class:`FileSink` that writes one record after the other."""

        def __init__(self, base_path: str, encoder: Encoder[Any]) -> None:
            if not isinstance(encoder, Encoder):
                raise TypeError(f"a file sink needs an Encoder, not {encoder!r}")
            self._settings = _Settings(_sink_path(base_path), encoder, RollingPolicy.default_rolling_policy())

        def with_rolling_policy(self: _B, rolling_policy: RollingPolicy) -> _B:
            """When a file is ended and another one begun. Default: ``RollingPolicy.default_rolling_policy()``."""
            if not isinstance(rolling_policy, RollingPolicy):
                raise TypeError(f"with_rolling_policy() takes a RollingPolicy, not {rolling_policy!r}")
            self._settings = replace(self._settings, rolling_policy=rolling_policy)
            return self

    class BulkFormatBuilder(BaseBuilder):
        """Builds a :class:`FileSink` that writes many records at once."""

        def __init__(self, base_path: str, writer_factory: BulkWriterFactory) -> None:
            if not isinstance(writer_factory, BulkWriterFactory):
                raise TypeError(
                    f"a file sink of a bulk format needs a BulkWriterFactory, not {writer_factory!r}; an Encoder goes "
                    "to for_row_format()"
                )
            policy = RollingPolicy.on_checkpoint_rolling_policy()
            self._settings = _Settings(_sink_path(base_path), writer_factory, policy)

        def with_rolling_policy(self: _B, rolling_policy: RollingPolicy) -> _B:
            """When else, beside each checkpoint, a file is ended. Default: never.

            :raises TypeError: it is no :class:`CheckpointRollingPolicy`.
            """
            if not isinstance(rolling_policy, CheckpointRollingPolicy):
                raise TypeError(
                    "a bulk format needs a CheckpointRollingPolicy, such as "
                    f"RollingPolicy.on_checkpoint_rolling_policy(), not {rolling_policy!r}: its files end with each "
                    "checkpoint"
                )
            self._settings = replace(self._settings, rolling_policy=rolling_policy)
            return self


def _sink_path(path: Any) -> str:
    return qualified(path) if is_remote(path) else local_path(path)
