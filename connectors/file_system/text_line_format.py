"""Lines of text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import FormatReader
from millstream.connectors.file_system.line_reader import LineReader
from millstream.connectors.file_system.stream_format import StreamFormat

__all__ = ["TextLineFormat", "charset_of"]

_STATEFUL = ("iso2022", "hz", "utf_7", "utf-7", "idna", "punycode")
"""Encodings in which what a byte means depends on all bytes before it."""


@dataclass(frozen=True, slots=True)
class TextLineFormat(StreamFormat):
    r"""Lines without their ends (``\n`` or ``\r\n``).

    Bytes that are no text in the charset become U+FFFD, as in Flink.

    :ivar charset: as Python's codecs know it.
    """

    charset: str

    @property
    def is_splittable(self) -> bool:
        r"""Whether lines can be told apart before they are decoded: ``\n`` is the one byte 10 and nothing else is."""
        if self.charset.startswith(_STATEFUL):
            return False
        return "\n".encode(self.charset) == b"\n" and "ab".encode(self.charset) == b"ab"

    def create_reader(self, split: FileSplit) -> FormatReader:
        return LineReader(split, self)


def charset_of(name: str) -> str:
    """A charset as Python's codecs know it.

    :raises ValueError: there is no such charset.
    """
    try:
        info = codecs.lookup(name)
    except LookupError:
        raise ValueError(f"unknown charset {name!r}; use a name such as UTF-8 or ISO-8859-1") from None
    if not getattr(info, "_is_text_encoding", True):
        raise ValueError(f"{name!r} is no charset of text")
    return info.name
