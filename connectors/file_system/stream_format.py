"""How the bytes of files become records."""

from __future__ import annotations

from abc import ABC, abstractmethod

from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import FormatReader

__all__ = ["BulkFormat", "FileFormat", "StreamFormat"]


class FileFormat(ABC):
    """Makes the readers of files. It is sent along with the job."""

    @property
    @abstractmethod
    def is_splittable(self) -> bool:
        """Whether a file can be read from the middle: several subtasks read one file then.

        Each record belongs to the part in which its first byte is, or that of the group of records that it is in.
        """

    @abstractmethod
    def create_reader(self, split: FileSplit) -> FormatReader:
        """Open a part of a file, at ``split.resume`` if it is set: a chunk's ``offset`` and how many records after it
        are to be left out.
        """


class StreamFormat(FileFormat):
    """A format that is read record by record. Files may be compressed."""

    @staticmethod
    def text_line_format(charset_name: str = "UTF-8") -> StreamFormat:
        """Each line is a record.

        :raises ValueError: there is no such charset.
        """
        from millstream.connectors.file_system.text_line_format import TextLineFormat, charset_of

        return TextLineFormat(charset_of(charset_name))


class BulkFormat(FileFormat):
    """A format that is read in batches of records, such as Parquet."""
