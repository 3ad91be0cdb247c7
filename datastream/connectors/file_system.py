"""The file connectors under PyFlink's module name."""

from __future__ import annotations

from millstream.connectors.file_system import FileSource, FileSourceBuilder, StreamFormat

__all__ = ["FileSource", "FileSourceBuilder", "StreamFormat"]
