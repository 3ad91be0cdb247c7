"""Sources and sinks for outside systems, under the names that programs import."""

from __future__ import annotations

from millstream.connectors import (
    BucketAssigner,
    FileCheckpointCommitter,
    FileEnumeratorProvider,
    FileSink,
    FileSource,
    FileSourceBuilder,
    FileSplitAssignerProvider,
    NumberSequenceSource,
    OutputFileConfig,
    RollingPolicy,
    SocketTextStreamFunction,
    SqliteCheckpointCommitter,
    StreamFormat,
    StreamingFileSink,
)
from millstream.datastream.connectors.base import DeliveryGuarantee
from millstream.datastream.sink import Sink
from millstream.datastream.source import Source

__all__ = [
    "BucketAssigner",
    "DeliveryGuarantee",
    "FileCheckpointCommitter",
    "FileEnumeratorProvider",
    "FileSink",
    "FileSource",
    "FileSourceBuilder",
    "FileSplitAssignerProvider",
    "NumberSequenceSource",
    "OutputFileConfig",
    "RollingPolicy",
    "Sink",
    "SocketTextStreamFunction",
    "Source",
    "SqliteCheckpointCommitter",
    "StreamFormat",
    "StreamingFileSink",
]
