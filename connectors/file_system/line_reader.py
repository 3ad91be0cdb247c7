r"""Turns a part of a file into lists of lines, a large chunk at a time.

A line belongs to the part in which its first byte lies. So a reader of bytes ``start`` to ``end`` skips what is left
of the line that began before ``start``, and reads the line that begins before ``end`` to its end, wherever that is.
Two readers of adjoining parts together give each line once, whatever the parts' sizes.

Each chunk is decoded and split in one go: the cost per line is a small fraction of what any user function costs.
"""

from __future__ import annotations

import codecs
from typing import IO, Protocol

from millstream.connectors.file_system.file_split import FileSplit
from millstream.connectors.file_system.format_reader import Chunk

__all__ = ["LineReader"]

_CHUNK = 64 * 1024
"""Small enough that decoding, splitting and the work downstream find the lines in the processor's cache."""

_SELF_SYNCHRONIZING = ("utf-8", "ascii", "iso8859", "cp125", "koi8")
"""Charsets in which a broken character never swallows the line end after it."""


class _LineFormat(Protocol):
    @property
    def charset(self) -> str: ...

    @property
    def is_splittable(self) -> bool: ...


class LineReader:
    """Reads one :class:`FileSplit`.

    :raises OSError: the file cannot be opened.
    """

    def __init__(self, split: FileSplit, stream_format: _LineFormat, chunk_size: int = _CHUNK) -> None:
        self._split = split
        self._charset = stream_format.charset
        self._chunk_size = chunk_size
        self._file: IO[bytes] = split.open()
        self._undivided = not stream_format.is_splittable
        self._is_safe = stream_format.charset.startswith(_SELF_SYNCHRONIZING)
        self._decoder: codecs.IncrementalDecoder | None = None
        self._rest = b""
        """Bytes read after the last line that was given."""
        self._text_rest = ""
        self._position = 0
        """Offset of the first byte of ``_rest``."""
        self._done = False
        self._skip_lines = 0
        self._given = 0
        try:
            self._start()
        except BaseException:
            self._file.close()
            raise

    def read(self) -> Chunk | None:
        """The next lines (at least one), ``None`` at the end of the part."""
        while not self._done:
            if self._undivided:
                offset, before = 0, self._given
                lines = self._read_text()
            else:
                offset, before = self._position, 0
                lines = self._read_bytes()
            self._given += len(lines)
            if self._skip_lines:
                skipped = min(self._skip_lines, len(lines))
                self._skip_lines -= skipped
                before += skipped
                lines = lines[skipped:]
            if lines:
                return Chunk(lines, offset, before)
        return None

    def close(self) -> None:
        self._file.close()

    def read_up_to(self) -> int | None:
        return None if self._undivided else self._position

    def _start(self) -> None:
        split = self._split
        offset, self._skip_lines = split.resume if split.resume is not None else (split.start, 0)
        if self._undivided:
            self._decoder = codecs.getincrementaldecoder(self._charset)("replace")
            return
        if split.resume is None and offset > 0:
            self._file.seek(offset - 1)
            offset = self._skip_line(offset - 1)
        elif offset > 0:
            self._file.seek(offset)
        self._position = offset
        if split.end is not None and offset >= split.end:
            self._done = True

    def _skip_line(self, offset: int) -> int:
        """Read past the next line end; returns the offset after it, with the bytes there in ``_rest``."""
        end = self._split.end
        while True:
            chunk = self._file.read(self._chunk_size)
            if not chunk:
                return offset
            newline = chunk.find(b"\n")
            if newline >= 0:
                self._rest = chunk[newline + 1 :]
                return offset + newline + 1
            offset += len(chunk)
            if end is not None and offset >= end:
                return offset

    def _read_bytes(self) -> list[str]:
        """Lines of the next chunk; the last one is completed however long it is."""
        end = self._split.end
        chunk = self._file.read(self._chunk_size)
        data = self._rest + chunk
        if end is not None and self._position + len(data) >= end:
            return self._last_bytes(data, end - self._position)
        cut = data.rfind(b"\n") + 1
        if not chunk:
            self._done = True
            cut = len(data)
        elif not cut:
            return self._long_line([data])
        self._rest = data[cut:]
        self._position += cut
        return self._lines(data[:cut])

    def _long_line(self, parts: list[bytes]) -> list[str]:
        """A line that is longer than a chunk: read on to its end without copying what is there each time."""
        while True:
            chunk = self._file.read(self._chunk_size)
            newline = chunk.find(b"\n")
            if newline >= 0:
                parts.append(chunk[: newline + 1])
                self._rest = chunk[newline + 1 :]
                break
            if not chunk:
                self._rest = b""
                self._done = True
                break
            parts.append(chunk)
        data = b"".join(parts)
        self._position += len(data)
        if self._split.end is not None and self._position >= self._split.end:
            self._done = True
        return self._lines(data)

    def _last_bytes(self, data: bytes, length: int) -> list[str]:
        """The last lines: those that begin in the first ``length`` bytes of ``data``."""
        newline = data.find(b"\n", length - 1)
        if newline < 0:
            lines_before = data.rfind(b"\n", 0, length) + 1
            if lines_before:
                self._rest = data[lines_before:]
                self._position += lines_before
                return self._lines(data[:lines_before])
            return self._long_line([data])
        self._done = True
        self._position += newline + 1
        return self._lines(data[: newline + 1])

    def _lines(self, data: bytes) -> list[str]:
        text = data.decode(self._charset, "replace")
        lines = text.split("\n")
        if not self._is_safe and len(lines) != data.count(b"\n") + 1:
            # A broken multi-byte character swallowed a line end: take the lines one by one.
            lines = [line.decode(self._charset, "replace") for line in data.split(b"\n")]
        if not lines[-1]:
            lines.pop()
        if "\r" in text:
            lines = [line.removesuffix("\r") for line in lines]
        return lines

    def _read_text(self) -> list[str]:
        """As :meth:`_read_bytes`, for charsets in which lines can only be told apart after decoding."""
        assert self._decoder is not None
        chunk = self._file.read(self._chunk_size)
        text = self._text_rest + self._decoder.decode(chunk, final=not chunk)
        if not chunk:
            self._done = True
            self._text_rest = ""
        else:
            cut = text.rfind("\n") + 1
            self._text_rest = text[cut:]
            text = text[:cut]
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        return [line.removesuffix("\r") for line in lines]
