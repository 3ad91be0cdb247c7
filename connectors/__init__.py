"""Sources and sinks for outside systems. Programs import them from ``millstream.datastream.connectors``."""

from __future__ import annotations

from millstream.connectors.checkpoint_committers import FileCheckpointCommitter, SqliteCheckpointCommitter
from millstream.connectors.file_system import (
    BucketAssigner,
    FileEnumeratorProvider,
    FileSink,
    FileSource,
    FileSourceBuilder,
    FileSplitAssignerProvider,
    OutputFileConfig,
    RollingPolicy,
    StreamFormat,
    StreamingFileSink,
)
from millstream.connectors.hybrid_source import HybridSource, HybridSourceBuilder
from millstream.connectors.number_sequence_source import NumberSequenceSource
from millstream.connectors.socket_text_stream_function import SocketTextStreamFunction

__all__ = [
    "BucketAssigner",
    "FileCheckpointCommitter",
    "FileEnumeratorProvider",
    "FileSink",
    "FileSource",
    "FileSourceBuilder",
    "FileSplitAssignerProvider",
    "HybridSource",
    "HybridSourceBuilder",
    "NumberSequenceSource",
    "OutputFileConfig",
    "RollingPolicy",
    "SocketTextStreamFunction",
    "SqliteCheckpointCommitter",
    "StreamFormat",
    "StreamingFileSink",
]
