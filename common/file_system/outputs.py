"""What the file systems have in common in writing a file."""

from __future__ import annotations

from collections.abc import Iterable

from millstream.common.file_system.file_system import AtomicOutput

__all__ = ["write_all"]


def write_all(output: AtomicOutput, chunks: Iterable[bytes | memoryview]) -> int:
    """Write a whole file and give it its name; leave nothing behind if that fails. Returns its size."""
    size = 0
    try:
        for chunk in chunks:
            output.write(chunk)
            size += memoryview(chunk).nbytes
        output.commit()
    except BaseException:
        output.discard()
        raise
    return size
