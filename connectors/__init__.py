"""Sources and sinks for outside systems. Programs import them from ``millstream.datastream.connectors``."""

from __future__ import annotations

from millstream.connectors.file_system import FileSource, FileSourceBuilder, StreamFormat
from millstream.connectors.number_sequence_source import NumberSequenceSource
from millstream.connectors.socket_text_stream_function import SocketTextStreamFunction

__all__ = [
    "FileSource",
    "FileSourceBuilder",
    "NumberSequenceSource",
    "SocketTextStreamFunction",
    "StreamFormat",
]
