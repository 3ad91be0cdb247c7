"""Files anywhere, by URI: what checkpoints, sources and sinks read and write."""

from __future__ import annotations

from millstream.common.file_system.file_system import AtomicOutput, FileStatus, FileSystem

__all__ = ["AtomicOutput", "FileStatus", "FileSystem"]
