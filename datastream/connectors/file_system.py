"""The file connectors under PyFlink's module name."""

from __future__ import annotations

from millstream.common.borrowed_names import borrowed_names
from millstream.connectors.file_system import (
    BucketAssigner,
    BulkFormat,
    DefaultRollingPolicy,
    FileCompactor,
    FileCompactStrategy,
    FileEnumeratorProvider,
    FileSink,
    FileSource,
    FileSourceBuilder,
    FileSplitAssignerProvider,
    OnCheckpointRollingPolicy,
    OutputFileConfig,
    RollingPolicy,
    StreamFormat,
    StreamingFileSink,
)

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

__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.common.serialization": "Encoder",
        "millstream.common.time": "Duration",
        "millstream.datastream.functions": "SinkFunction",
        "millstream.datastream.sink": "Sink",
        "millstream.datastream.source": "Source",
    },
)
