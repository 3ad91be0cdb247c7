"""Reading and writing files and directories."""

from __future__ import annotations

from millstream.connectors.file_system.bucket_assigner import BucketAssigner
from millstream.connectors.file_system.file_compactor import FileCompactor, FileCompactStrategy
from millstream.connectors.file_system.file_enumerator_provider import FileEnumeratorProvider, FileSplitAssignerProvider
from millstream.connectors.file_system.file_sink import FileSink
from millstream.connectors.file_system.file_source import FileSource, FileSourceBuilder
from millstream.connectors.file_system.output_file_config import OutputFileConfig
from millstream.connectors.file_system.rolling_policy import (
    DefaultRollingPolicy,
    OnCheckpointRollingPolicy,
    RollingPolicy,
)
from millstream.connectors.file_system.stream_format import BulkFormat, StreamFormat
from millstream.connectors.file_system.streaming_file_sink import StreamingFileSink

__all__ = [
    "BucketAssigner",
    "BulkFormat",
    "DefaultRollingPolicy",
    "FileCompactStrategy",
    "FileCompactor",
    "FileEnumeratorProvider",
    "FileSink",
    "FileSource",
    "FileSourceBuilder",
    "FileSplitAssignerProvider",
    "OnCheckpointRollingPolicy",
    "OutputFileConfig",
    "RollingPolicy",
    "StreamFormat",
    "StreamingFileSink",
]
