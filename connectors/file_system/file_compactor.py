"""How small files would be put together. Only kept: no sink compacts in this version."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FileCompactStrategy", "FileCompactor"]


@dataclass(frozen=True, slots=True)
class FileCompactStrategy:
    """When files are compacted.

    :ivar size_threshold: bytes; -1: not by size.
    :ivar num_checkpoints_before_compaction: -1: not by checkpoints.
    """

    size_threshold: int = -1
    num_checkpoints_before_compaction: int = -1
    num_compact_threads: int = 1

    @staticmethod
    def builder() -> FileCompactStrategy.Builder:
        return FileCompactStrategy.Builder()

    class Builder:
        """Builds a :class:`FileCompactStrategy`."""

        def __init__(self) -> None:
            self._size_threshold = -1
            self._num_checkpoints = -1
            self._num_threads = 1

        def enable_compaction_on_checkpoint(
            self, num_checkpoints_before_compaction: int
        ) -> FileCompactStrategy.Builder:
            self._num_checkpoints = num_checkpoints_before_compaction
            return self

        def set_size_threshold(self, size_threshold: int) -> FileCompactStrategy.Builder:
            self._size_threshold = size_threshold
            return self

        def set_num_compact_threads(self, num_compact_threads: int) -> FileCompactStrategy.Builder:
            self._num_threads = num_compact_threads
            return self

        def build(self) -> FileCompactStrategy:
            """Build it.

            :raises ValueError: neither a size nor a number of checkpoints is given.
            """
            if self._size_threshold < 0 and self._num_checkpoints < 0:
                raise ValueError("a compact strategy needs set_size_threshold() or enable_compaction_on_checkpoint()")
            return FileCompactStrategy(self._size_threshold, self._num_checkpoints, self._num_threads)


@dataclass(frozen=True, slots=True)
class FileCompactor:
    """How files are put together.

    :ivar identical: a file is taken over as it is.
    :ivar file_delimiter: what stands between files.
    """

    identical: bool = False
    file_delimiter: bytes = b""

    @staticmethod
    def concat_file_compactor(file_delimiter: bytes | None = None) -> FileCompactor:
        """One file after the other."""
        return FileCompactor(file_delimiter=file_delimiter or b"")

    @staticmethod
    def identical_file_compactor() -> FileCompactor:
        """Each file for itself."""
        return FileCompactor(identical=True)
