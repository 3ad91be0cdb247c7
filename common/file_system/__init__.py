"""Files anywhere, by URI: what checkpoints, sources and sinks read and write."""

from __future__ import annotations

from millstream.common.file_system.file_system import AtomicOutput, FileStatus, FileSystem, FileSystemError
from millstream.common.file_system.resolve import file_system_of, qualified, register_file_system
from millstream.common.file_system.uri import join, name_of, parent, relative_to

__all__ = [
    "AtomicOutput",
    "FileStatus",
    "FileSystem",
    "FileSystemError",
    "file_system_of",
    "join",
    "name_of",
    "parent",
    "qualified",
    "register_file_system",
    "relative_to",
]
