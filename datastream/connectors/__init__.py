"""Sources and sinks for outside systems, under the names that programs import."""

from __future__ import annotations

from millstream.connectors import (
    FileSource,
    FileSourceBuilder,
    NumberSequenceSource,
    SocketTextStreamFunction,
    StreamFormat,
)
from millstream.datastream.connectors.base import DeliveryGuarantee
from millstream.datastream.sink import Sink
from millstream.datastream.source import Source

__all__ = [
    "DeliveryGuarantee",
    "FileSource",
    "FileSourceBuilder",
    "NumberSequenceSource",
    "Sink",
    "SocketTextStreamFunction",
    "Source",
    "StreamFormat",
]
