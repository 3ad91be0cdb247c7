"""Streams that check themselves while they run: whoever sees loss, repetition, disorder, damage or a stranger says so.

Each key's numbers come in order and without gaps. The check keeps the last one in keyed state, so whatever a restore,
a rescaling or a barrier does wrong shows at the next record of that key, with its name, and not first at the end. What
was seen is written to a file too: a restart that happens to go well must not hide it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from millstream.common.key_groups import key_group, operator_index
from millstream.common.watermark_strategy import WatermarkStrategy
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import (
    KeyedCoProcessFunction,
    KeyedProcessFunction,
    MapFunction,
    RuntimeContext,
    SinkFunction,
)
from millstream.datastream.state import ValueStateDescriptor
from tests.chaos.program import KEYS, PacedSource, file_sink

__all__ = ["TOPOLOGIES", "CheckedStreams", "SemanticError", "Topology", "key_of", "violations"]

Topology = Literal["pipeline", "union", "multi-input"]
TOPOLOGIES: tuple[Topology, ...] = ("pipeline", "union", "multi-input")

Event = tuple[str, int, int, bytes]
"""Stream, number, checksum of the rest, padding."""


class SemanticError(AssertionError):
    """A promise of the engine was broken."""


def violations(directory: Path) -> list[str]:
    """Return what the checks of a job have found, each in words."""
    return sorted(path.read_text() for path in directory.glob("violation-*"))


def _checksum(stream: str, number: int, padding: bytes) -> int:
    return zlib.crc32(padding, zlib.crc32(f"{stream} {number}".encode()))


class Stamp(MapFunction):
    """Makes an event of a number."""

    def __init__(self, stream: str, padding: int) -> None:
        self.stream = stream
        self.padding = padding

    def map(self, value: int) -> Event:
        padding = bytes([value % 251]) * self.padding
        return self.stream, value, _checksum(self.stream, value, padding), padding


class Check:
    """What both kinds of checking functions do; it is no function itself.

    :param pause: seconds that a record takes, until there is nothing to wait for any more.
    """

    def __init__(self, directory: Path, pause: float) -> None:
        self.directory = str(directory)
        self.pause = pause

    def open(self, runtime_context: RuntimeContext) -> None:
        self.last: Any = runtime_context.get_state(ValueStateDescriptor("last number"))
        self.index = runtime_context.get_index_of_this_subtask()
        self.parallelism = runtime_context.get_number_of_parallel_subtasks()
        self.max_parallelism = runtime_context.get_max_number_of_parallel_subtasks()
        self.seen = 0

    def line(self, event: Event, key: Any) -> str:
        """Look at an event, and return the line that it gives."""
        stream, number, checksum, padding = event
        self.seen += 1
        if self.pause and not (self.seen % 16 == 0 and Path(self.directory, "hurry").exists()):
            time.sleep(self.pause)
        elif self.pause:
            self.pause = 0.0
        if _checksum(stream, number, padding) != checksum or key != (stream, number % KEYS):
            self.complain(f"{stream} {number} of key {key} is damaged")
        owner = operator_index(key_group(key, self.max_parallelism), self.max_parallelism, self.parallelism)
        if owner != self.index:
            self.complain(f"{stream} {number} is with subtask {self.index}, and its key belongs to {owner}")
        last = self.last.value()
        due = number % KEYS if last is None else last + KEYS
        if number != due:
            what = "lost" if number > due else "seen again or out of order"
            self.complain(f"{stream} {due} should have come and {number} came: records were {what}")
        self.last.update(number)
        return f"{stream} {number}"

    def complain(self, what: str) -> None:
        with open(Path(self.directory, f"violation-{zlib.crc32(what.encode()):08x}"), "w") as file:
            file.write(what)
        raise SemanticError(what)


class CheckOne(KeyedProcessFunction):
    """Checks a stream."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def open(self, runtime_context: RuntimeContext) -> None:
        self.check.open(runtime_context)

    def process_element(self, value: Event, ctx: Any) -> Iterator[str]:
        yield self.check.line(value, ctx.get_current_key())


class CheckBoth(KeyedCoProcessFunction):
    """Checks two connected streams."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def open(self, runtime_context: RuntimeContext) -> None:
        self.check.open(runtime_context)

    def process_element1(self, value: Event, ctx: Any) -> Iterator[str]:
        yield self.check.line(value, ctx.get_current_key())

    def process_element2(self, value: Event, ctx: Any) -> Iterator[str]:
        yield self.check.line(value, ctx.get_current_key())


class CheckedStreams:
    """A job over checked streams. Its directory has its output, and takes a file ``hurry`` that ends the waiting.

    :param count: numbers in each stream; the second half of them comes only when the job may hurry.
    :param per_second: the pace of each stream until the job may hurry.
    :param pause: seconds that a record takes in the check until then: back pressure.
    :param padding: bytes more in each record.
    :param through: operators that all events pass: from a stream to a stream.
    :param sink: in the stead of files.
    """

    def __init__(
        self,
        directory: Path,
        topology: Topology = "pipeline",
        *,
        count: int = 2_000,
        per_second: float = 1_000.0,
        pause: float = 0.0,
        padding: int = 0,
        through: Callable[[Any], Any] | None = None,
        sink: SinkFunction | None = None,
    ) -> None:
        self.directory = directory
        self.output = directory / "output"
        self.hurry = directory / "hurry"
        self.streams = ("a",) if topology == "pipeline" else ("a", "b")
        self._topology = topology
        self._count = count
        self._per_second = per_second
        self._pause = pause
        self._padding = padding
        self._through = through
        self._sink = sink

    def expected(self) -> list[str]:
        """What the output has in the end, sorted."""
        return sorted(f"{stream} {number}" for stream in self.streams for number in range(self._count))

    def define(self, env: StreamExecutionEnvironment, parallelism: int) -> None:
        """Define the job."""
        env.set_parallelism(parallelism)
        first, *others = (self._stream(env, name) for name in self.streams)
        check = Check(self.directory, self._pause)
        if self._topology == "multi-input":
            lines = first.key_by(key_of).connect(others[0].key_by(key_of)).process(CheckBoth(check))
        else:
            lines = first.union(*others).key_by(key_of).process(CheckOne(check))
        lines = lines.uid("check").name("check")
        if self._sink is not None:
            lines.add_sink(self._sink).uid("sink")
            return
        lines.sink_to(file_sink(self.output)).uid("files")

    def _stream(self, env: StreamExecutionEnvironment, name: str) -> Any:
        source = PacedSource(self._count, self._per_second, str(self.hurry), self._count // 2)
        numbers = env.from_source(source, WatermarkStrategy.no_watermarks(), f"numbers {name}").uid(f"numbers {name}")
        events = numbers.map(Stamp(name, self._padding)).uid(f"stamp {name}")
        if self._through is not None:
            events = self._through(events)
        return events


def key_of(event: Event) -> tuple[str, int]:
    """Return the key of an event: its stream, and the remainder of its number."""
    return event[0], event[1] % KEYS
