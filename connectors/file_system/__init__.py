"""Reading files and directories."""

from __future__ import annotations

from millstream.connectors.file_system.file_source import FileSource, FileSourceBuilder
from millstream.connectors.file_system.stream_format import StreamFormat

__all__ = ["FileSource", "FileSourceBuilder", "StreamFormat"]
