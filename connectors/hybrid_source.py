"""A source that reads several sources one after the other: yesterday's files first, then what comes in now."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from millstream.common.records import RecordBatch
from millstream.datastream.source import (
    Boundedness,
    InputStatus,
    Source,
    SourceReader,
    SourceReaderContext,
    SplitFinished,
    SplitRecords,
    has_enumerator,
)

__all__ = ["HybridSource", "HybridSourceBuilder"]


class HybridSource(Source):
    """Each subtask reads its part of the first source to the end, then its part of the second, and so on.

    Subtasks do not wait for each other: one may be at the second source while another is still at the first. When a
    checkpoint is gone on from with another parallelism, the parts stay as they were divided first: fewer subtasks read
    several of them, and of more subtasks some read nothing. Made by :meth:`builder`.
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
    """How far a subtask is; a split.

    :ivar subtask: which part of each source it reads ...
    :ivar parallelism: ... of how many.
    :ivar index: which source it reads.
    :ivar splits: the state of the reader of that source.
    :ivar shared: its shared state.
    """

    subtask: int
    parallelism: int
    index: int
    splits: tuple[Any, ...]
    shared: tuple[Any, ...]


class _Passage:
    """One subtask's way through the sources."""

    def __init__(
        self, sources: tuple[Source, ...], context: SourceReaderContext, position: _HybridPosition | None
    ) -> None:
        if position is not None:
            context = replace(context, index_of_subtask=position.subtask, parallelism=position.parallelism)
        self._sources = sources
        self._context = context
        self._index = 0 if position is None else position.index
        self._reader = sources[self._index].create_reader(context)
        if position is not None:
            self._reader.restore_shared_state(position.shared)
            self._reader.restore_state(position.splits)
        self.waiting: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._reader.start()

    def poll(self) -> RecordBatch | SplitRecords | SplitFinished | InputStatus:
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

    def position(self) -> _HybridPosition:
        return _HybridPosition(
            self._context.index_of_subtask,
            self._context.parallelism,
            self._index,
            tuple(self._reader.snapshot_state()),
            tuple(self._reader.snapshot_shared_state()),
        )

    def close(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
        self._reader.close()


class _HybridReader(SourceReader):
    """Its state is the positions of the passages that it reads.

    At first that is its own. A passage is never divided, since it has parts of sources before it that no reader has
    divided yet: a reader may take over several, in turn, or none.
    """

    def __init__(self, sources: tuple[Source, ...], context: SourceReaderContext) -> None:
        self._sources = sources
        self._context = context
        self._passages: deque[_Passage] = deque()
        self._restored = False

    def start(self) -> None:
        if not self._restored:
            self._passages.append(_Passage(self._sources, self._context, None))
        for passage in self._passages:
            passage.start()

    def poll(self) -> RecordBatch | SplitRecords | SplitFinished | InputStatus:
        passages = self._passages
        for _ in range(len(passages)):
            given = passages[0].poll()
            if given is InputStatus.END_OF_INPUT:
                passages.popleft().close()
                continue
            passages.rotate(-1)
            if given is not InputStatus.NOTHING_AVAILABLE:
                return given
        return InputStatus.NOTHING_AVAILABLE if passages else InputStatus.END_OF_INPUT

    async def wait_available(self) -> None:
        if len(self._passages) == 1 and self._passages[0].waiting is None:
            await self._passages[0].wait_available()
            return
        loop = asyncio.get_running_loop()
        for passage in self._passages:
            if passage.waiting is None:
                passage.waiting = loop.create_task(passage.wait_available())
        waiting = {passage.waiting: passage for passage in self._passages if passage.waiting is not None}
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            waiting[task].waiting = None
            task.result()

    def snapshot_state(self) -> Sequence[Any]:
        return [passage.position() for passage in self._passages]

    def restore_state(self, splits: Sequence[Any]) -> None:
        self._restored = True
        self._passages.extend(_Passage(self._sources, self._context, position) for position in splits)

    def close(self) -> None:
        with ExitStack() as stack:
            for passage in self._passages:
                stack.callback(passage.close)


def _checked(source: Any) -> Source:
    if not isinstance(source, Source):
        raise TypeError(f"a hybrid source is made of sources as from_source() takes them, not {source!r}")
    if has_enumerator(source):
        raise TypeError(
            f"a hybrid source cannot read {type(source).__qualname__}, which has an enumerator: its readers divide "
            "what they read by a rule; give it to from_source() by itself and unite the streams"
        )
    return source
