"""How the bytes of files become records."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

__all__ = ["BulkFormat", "StreamFormat"]

_STATEFUL = ("iso2022", "hz", "utf_7", "utf-7", "idna", "punycode")
"""Encodings in which what a byte means depends on all bytes before it."""


@dataclass(frozen=True, slots=True)
class StreamFormat:
    r"""Lines of text, without their ends (``\n`` or ``\r\n``).

    Bytes that are no text in the charset become U+FFFD, as in Flink.

    :ivar charset: as Python's codecs know it.
    """

    charset: str

    @staticmethod
    def text_line_format(charset_name: str = "UTF-8") -> StreamFormat:
        """Each line is a record.

        :raises ValueError: there is no such charset.
        """
        try:
            info = codecs.lookup(charset_name)
        except LookupError:
            raise ValueError(f"unknown charset {charset_name!r}; use a name such as UTF-8 or ISO-8859-1") from None
        if not getattr(info, "_is_text_encoding", True):
            raise ValueError(f"{charset_name!r} is no charset of text")
        return StreamFormat(info.name)

    @property
    def is_splittable(self) -> bool:
        r"""Whether lines can be told apart before they are decoded: ``\n`` is the one byte 10 and nothing else is."""
        if self.charset.startswith(_STATEFUL):
            return False
        return "\n".encode(self.charset) == b"\n" and "ab".encode(self.charset) == b"ab"


class BulkFormat:
    """A format of files that are read in batches of records (Parquet, ORC). There is none in this version."""
