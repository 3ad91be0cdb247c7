"""What can be wrong with a snapshot that is stored, each with an error of its own."""

from __future__ import annotations

from millstream.common.errors import MillstreamError

__all__ = [
    "BrokenSnapshotError",
    "ForeignSnapshotError",
    "MissingSnapshotError",
    "NewerSnapshotError",
    "SnapshotAbortedError",
    "SnapshotError",
]


class SnapshotError(MillstreamError):
    """A snapshot cannot be written, read or deleted; the message names it and the file."""


class MissingSnapshotError(SnapshotError):
    """There is no snapshot at the place, or a file of it is gone."""


class BrokenSnapshotError(SnapshotError):
    """A file is not what was written: cut off, changed, or of another snapshot."""


class ForeignSnapshotError(SnapshotError):
    """The file is not one of Millstream's."""


class NewerSnapshotError(SnapshotError):
    """A later version of Millstream wrote it, in a format that this one does not know."""


class SnapshotAbortedError(SnapshotError):
    """The snapshot is not wanted any more: nothing is written to it."""
