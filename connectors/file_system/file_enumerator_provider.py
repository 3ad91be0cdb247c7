"""How a file source finds and divides files, and who reads what: PyFlink's settings, and what they mean here."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FileEnumeratorProvider", "FileSplitAssignerProvider"]


@dataclass(frozen=True, slots=True)
class FileEnumeratorProvider:
    """Which files are read, and whether one may be read in parts.

    :ivar splittable: a large file that is not compressed is read by all subtasks.
    """

    splittable: bool

    @staticmethod
    def default_splittable_file_enumerator() -> FileEnumeratorProvider:
        """All files below the paths, hidden ones left out; large ones in parts. This is the default."""
        return FileEnumeratorProvider(splittable=True)

    @staticmethod
    def default_non_splittable_file_enumerator() -> FileEnumeratorProvider:
        """The same, each file by one subtask."""
        return FileEnumeratorProvider(splittable=False)


@dataclass(frozen=True, slots=True)
class FileSplitAssignerProvider:
    """Which subtask reads which part of the files."""

    @staticmethod
    def locality_aware_split_assigner() -> FileSplitAssignerProvider:
        """The only one there is: a fixed rule that spreads them. Files are on the machine of their reader anyway."""
        return FileSplitAssignerProvider()
