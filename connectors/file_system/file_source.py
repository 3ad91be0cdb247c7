"""The source of files and directories."""

from __future__ import annotations

from millstream.common.time import Duration
from millstream.connectors.file_system.file_enumerator import BLOCK_SIZE
from millstream.connectors.file_system.file_enumerator_provider import (
    FileEnumeratorProvider,
    FileSplitAssignerProvider,
)
from millstream.connectors.file_system.file_source_reader import ContinuousFileReader, StaticFileReader
from millstream.connectors.file_system.local_path import local_path
from millstream.connectors.file_system.stream_format import BulkFormat, FileFormat, StreamFormat
from millstream.datastream.source import Boundedness, Source, SourceReader, SourceReaderContext

__all__ = ["FileSource", "FileSourceBuilder"]


class FileSource(Source):
    """Reads files: those that are there when the job starts, or also those that come later.

    Made by :meth:`for_record_stream_format` or :meth:`for_bulk_file_format`.

    :param splittable: a large file is read by all subtasks.
    :param discovery_interval: seconds between two looks for new files; ``None``: it reads what is there and ends.
    """

    __slots__ = ("_block_size", "_discovery_interval", "_format", "_paths", "_splittable")

    def __init__(
        self,
        file_format: FileFormat,
        paths: tuple[str, ...],
        block_size: int = BLOCK_SIZE,
        *,
        splittable: bool = True,
        discovery_interval: float | None = None,
    ) -> None:
        self._format = file_format
        self._paths = paths
        self._block_size = block_size
        self._splittable = splittable and file_format.is_splittable
        self._discovery_interval = discovery_interval

    @staticmethod
    def for_record_stream_format(stream_format: StreamFormat, *paths: str) -> FileSourceBuilder:
        """Start a source of these files and directories.

        A directory stands for all files in it and below; names that begin with ``.`` or ``_`` are left out. Files
        whose names end in ``.gz``, ``.gzip``, ``.bz2`` or ``.xz`` are decompressed; each is read by one subtask. Any
        other file is read in parts by all subtasks.
        """
        if not isinstance(stream_format, StreamFormat):
            raise TypeError(f"a file source needs a StreamFormat, not {stream_format!r}")
        return FileSourceBuilder(stream_format, paths)

    @staticmethod
    def for_bulk_file_format(bulk_format: BulkFormat, *paths: str) -> FileSourceBuilder:
        """Start a source of these files and directories, in a format that is read in batches.

        :param bulk_format: from ``millstream.datastream.formats``: ``ParquetColumnarRowInputFormat(...)``.
        """
        if not isinstance(bulk_format, BulkFormat):
            raise TypeError(f"for_bulk_file_format() takes a BulkFormat, not {bulk_format!r}")
        return FileSourceBuilder(bulk_format, paths)

    @property
    def boundedness(self) -> Boundedness:
        return Boundedness.BOUNDED if self._discovery_interval is None else Boundedness.CONTINUOUS_UNBOUNDED

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        interval = self._discovery_interval
        if interval is None:
            return StaticFileReader(self._format, self._paths, self._splittable, self._block_size, context)
        return ContinuousFileReader(self._format, self._paths, interval, context)


class FileSourceBuilder:
    """Builds a :class:`FileSource`."""

    def __init__(self, file_format: FileFormat, paths: tuple[str, ...]) -> None:
        if not paths:
            raise ValueError("a file source needs at least one path")
        self._format = file_format
        self._paths = tuple(local_path(path) for path in paths)
        self._splittable = True
        self._discovery_interval: float | None = None

    def monitor_continuously(self, discovery_interval: Duration) -> FileSourceBuilder:
        """Go on looking for new files, for ever. Each file is read once, by one subtask.

        A file is read as it is when it is found: move files into the directory when they are complete (or write them
        under a name that begins with ``.`` or ``_`` and rename them). Empty files are waited for.

        :param discovery_interval: how long to wait, with nothing left to read, before looking again.
        """
        if not isinstance(discovery_interval, Duration) or discovery_interval.to_millis() <= 0:
            raise ValueError(
                f"monitor_continuously() takes a Duration of a millisecond or more, not {discovery_interval!r}"
            )
        self._discovery_interval = discovery_interval.to_millis() / 1000
        return self

    def process_static_file_set(self) -> FileSourceBuilder:
        """Read the files that are there when the job starts, and end. This is the default."""
        self._discovery_interval = None
        return self

    def set_file_enumerator(self, file_enumerator: FileEnumeratorProvider) -> FileSourceBuilder:
        """Whether one file may be read in parts."""
        if not isinstance(file_enumerator, FileEnumeratorProvider):
            raise TypeError(f"set_file_enumerator() takes a FileEnumeratorProvider, not {file_enumerator!r}")
        self._splittable = file_enumerator.splittable
        return self

    def set_split_assigner(self, split_assigner: FileSplitAssignerProvider) -> FileSourceBuilder:
        """Who reads what; there is only one assigner."""
        if not isinstance(split_assigner, FileSplitAssignerProvider):
            raise TypeError(f"set_split_assigner() takes a FileSplitAssignerProvider, not {split_assigner!r}")
        return self

    def build(self) -> FileSource:
        return FileSource(
            self._format,
            self._paths,
            splittable=self._splittable,
            discovery_interval=self._discovery_interval,
        )
