"""The sink of files in buckets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeVar

from millstream.common.errors import InvalidProgramError
from millstream.common.serialization import Encoder
from millstream.common.typeinfo import TypeInformation
from millstream.connectors.file_system.bucket_assigner import BucketAssigner, DateTimeBucketAssigner
from millstream.connectors.file_system.file_committer import FileCommitter
from millstream.connectors.file_system.file_compactor import FileCompactor, FileCompactStrategy
from millstream.connectors.file_system.file_writer import FileWriter
from millstream.connectors.file_system.local_path import local_path
from millstream.connectors.file_system.output_file_config import OutputFileConfig
from millstream.connectors.file_system.rolling_policy import RollingPolicy
from millstream.datastream.call_site import call_site
from millstream.datastream.sink import CommitterInitContext, Sink, SupportsCommitter, WriterInitContext

__all__ = ["FileSink", "no_bulk_format"]

_B = TypeVar("_B", bound="FileSink.BaseBuilder")


@dataclass(frozen=True, slots=True)
class _Settings:
    base_path: str
    encoder: Encoder[Any]
    bucket_assigner: BucketAssigner = field(default_factory=DateTimeBucketAssigner)
    rolling_policy: RollingPolicy = field(default_factory=RollingPolicy.default_rolling_policy)
    output_file_config: OutputFileConfig = field(default_factory=lambda: OutputFileConfig.builder().build())
    bucket_check_interval: int = 60_000


class FileSink(Sink, SupportsCommitter):
    """Writes records to files below a base path. Made by :meth:`for_row_format`.

    Each subtask has files of its own. A file is written under a hidden name; when it is complete it gets its real one,
    ``<prefix>-<unique id>-<number><suffix>``, in the directory of its bucket: at the end of the input if the job's
    sources all end by themselves, else when it is rolled.
    """

    def __init__(self, settings: Any) -> None:
        self._settings: _Settings = settings

    def create_writer(self, context: WriterInitContext) -> FileWriter:
        settings = self._settings
        return FileWriter(
            settings.base_path,
            settings.encoder,
            settings.bucket_assigner,
            settings.rolling_policy,
            settings.output_file_config,
            settings.bucket_check_interval,
        )

    def create_committer(self, context: CommitterInitContext) -> FileCommitter:
        return FileCommitter()

    def for_input_type(self, input_type: TypeInformation) -> FileSink:
        return FileSink(replace(self._settings, encoder=self._settings.encoder.for_type(input_type)))

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
    def for_bulk_format(base_path: str, writer_factory: Any) -> NoReturn:
        """Refused: there are no bulk formats (Parquet, ORC, Avro) in this version."""
        no_bulk_format(f"FileSink.for_bulk_format({base_path!r}, {writer_factory!r})")

    class BaseBuilder(ABC):
        """Builds a :class:`FileSink`."""

        def __init__(self, base_path: str, encoder: Encoder[Any]) -> None:
            if not isinstance(encoder, Encoder):
                raise TypeError(f"a file sink needs an Encoder, not {encoder!r}")
            self._settings = _Settings(local_path(base_path), encoder)

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

        def with_rolling_policy(self: _B, rolling_policy: RollingPolicy) -> _B:
            """When a file is ended and another one begun. Default: ``RollingPolicy.default_rolling_policy()``."""
            if not isinstance(rolling_policy, RollingPolicy):
                raise TypeError(f"with_rolling_policy() takes a RollingPolicy, not {rolling_policy!r}")
            self._settings = replace(self._settings, rolling_policy=rolling_policy)
            return self


def no_bulk_format(what: str) -> NoReturn:
    """Say that there are no bulk formats."""
    raise InvalidProgramError(
        f"{call_site()}: {what}: this version of Millstream has no bulk formats (Parquet, ORC, Avro); they come with "
        "the connectors. Use a row format with an Encoder of your own, or a Sink or SinkFunction that writes them"
    )
