"""A source that reads several sources one after the other: yesterday's files first, then what comes in now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from millstream.common.records import RecordBatch
from millstream.datastream.source import Boundedness, InputStatus, Source, SourceReader, SourceReaderContext

__all__ = ["HybridSource", "HybridSourceBuilder"]


class HybridSource(Source):
    """Each subtask reads its part of the first source to the end, then its part of the second, and so on.

    Subtasks do not wait for each other: one may be at the second source while another is still at the first. Made by
    :meth:`builder`.
    """

    __slots__ = ("_sources",)

    def __init__(self, sources: tuple[Source, ...]) -> None:
        self._sources = sources

    @staticmethod
    def builder(first_source: Source) -> HybridSourceBuilder:
        """Start with a source."""
        return HybridSourceBuilder(first_source)

    @property
    def boundedness(self) -> Boundedness:
        return self._sources[-1].boundedness

    def create_reader(self, context: SourceReaderContext) -> SourceReader:
        return _HybridReader(self._sources, context)


class HybridSourceBuilder:
    """Builds a :class:`HybridSource`."""

    def __init__(self, first_source: Source) -> None:
        self._sources: tuple[Source, ...] = (_checked(first_source),)

    def add_source(self, source: Source) -> HybridSourceBuilder:
        """Go on with a source when the one before has ended.

        :raises ValueError: the one before never ends.
        """
        if self._sources[-1].boundedness is not Boundedness.BOUNDED:
            raise ValueError(f"source {len(self._sources)} of a hybrid source never ends, so none can come after it")
        self._sources = (*self._sources, _checked(source))
        return self

    def build(self) -> HybridSource:
        return HybridSource(self._sources)


@dataclass(frozen=True, slots=True)
class _HybridPosition:
    """A reader's state.

    :ivar index: which source it reads.
    :ivar splits: the state of the reader of that source.
    """

    index: int
    splits: tuple[Any, ...]


class _HybridReader(SourceReader):
    """Its state is one position, which one reader takes over as it is."""

    def __init__(self, sources: tuple[Source, ...], context: SourceReaderContext) -> None:
        self._sources = sources
        self._context = context
        self._index = 0
        self._reader = sources[0].create_reader(context)

    def start(self) -> None:
        self._reader.start()

    def poll(self) -> RecordBatch | InputStatus:
        while True:
            given = self._reader.poll()
            if given is not InputStatus.END_OF_INPUT or self._index + 1 == len(self._sources):
                return given
            self._reader.close()
            self._index += 1
            self._reader = self._sources[self._index].create_reader(self._context)
            self._reader.start()

    async def wait_available(self) -> None:
        await self._reader.wait_available()

    def snapshot_state(self) -> Sequence[Any]:
        return (_HybridPosition(self._index, tuple(self._reader.snapshot_state())),)

    def restore_state(self, splits: Sequence[Any]) -> None:
        """Go on from a position.

        :raises ValueError: there are several, or none: the subtasks' shares of the sources to come would not fit.
        """
        if len(splits) != 1:
            raise ValueError(
                f"subtask {self._context.index_of_subtask} of a hybrid source cannot go on from {len(splits)} places: "
                "the parallelism of a hybrid source cannot be changed"
            )
        position: _HybridPosition = splits[0]
        self._index = position.index
        self._reader = self._sources[self._index].create_reader(self._context)
        self._reader.restore_state(position.splits)

    def close(self) -> None:
        self._reader.close()


def _checked(source: Any) -> Source:
    if not isinstance(source, Source):
        raise TypeError(f"a hybrid source is made of sources as from_source() takes them, not {source!r}")
    return source
