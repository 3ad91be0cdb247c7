"""Failures in Java's serialised form, read back by the rules of its specification."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from millstream.dispatcher.rest.java_throwable import java_throwable


@dataclass
class Stream:
    """Reads a stream as Java's ObjectInputStream does, as far as these objects need it."""

    data: bytes
    place: int = 0

    def take(self, count: int) -> bytes:
        self.place += count
        assert self.place <= len(self.data)
        return self.data[self.place - count : self.place]

    def number(self, layout: str) -> int:
        (value,) = struct.unpack(f">{layout}", self.take(struct.calcsize(f">{layout}")))
        assert isinstance(value, int)
        return value

    def text(self) -> str | None:
        kind = self.take(1)
        if kind == b"\x70":
            return None
        assert kind in (b"\x74", b"\x7c")
        encoded = self.take(self.number("H" if kind == b"\x74" else "Q"))
        assert b"\x00" not in encoded
        halves = encoded.replace(b"\xc0\x80", b"\x00").decode("utf-8", "surrogatepass")
        return halves.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")

    def classes(self) -> list[tuple[str, int, list[tuple[str, str]]]]:
        found = []
        while (kind := self.take(1)) != b"\x70":
            assert kind == b"\x72"
            name = self.take(self.number("H")).decode()
            self.number("q")
            flags = self.number("B")
            fields = []
            for _ in range(self.number("H")):
                code = self.take(1).decode()
                field = self.take(self.number("H")).decode()
                of = self.text()
                assert of is not None
                assert of[0] == code
                fields.append((field, of))
            assert self.take(1) == b"\x78"
            found.append((name, flags, fields))
        return found


@given(
    exception_class=st.text(max_size=5),
    first=st.text(st.characters(exclude_characters="\n")),
    rest=st.sampled_from(["", "\n", "\n  File\n", "\n" + "x" * 70_000]),
)
def test_reads_back_as_it_was(exception_class: str, first: str, rest: str) -> None:
    stream = Stream(java_throwable(exception_class, first + rest))
    assert stream.take(5) == b"\xac\xed\x00\x05\x73"
    names = [name for name, _, _ in stream.classes()]
    assert names == ["org.apache.flink.util.SerializedThrowable", "java.lang.Exception", "java.lang.Throwable"]
    cause, message, stack, suppressed = (stream.text() for _ in range(4))
    assert (cause, message, stack, suppressed) == (None, first, None, None)
    assert stream.take(1) == b"\x78"
    assert [stream.text() for _ in range(3)] == [first + rest, exception_class, None]
    assert stream.place == len(stream.data)


def test_is_what_java_reads() -> None:
    """The versions and flags of the classes, without which Java refuses the object."""
    written = java_throwable("E", "E: m")
    for version in ("65169df51fa713f302", "d0fd1f3e1a3b1cc402", "d5c635273977b8cb03"):
        assert bytes.fromhex(version) in written
