"""Whatever the moments of checkpoints and failures, and however many readers come after them: each record once."""

from __future__ import annotations

import asyncio
import pickle
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millstream.common.records import RecordBatch
from millstream.common.time import Duration
from millstream.connectors.file_system.file_split import FileSplit
from millstream.datastream.collection_source import CollectionSource
from millstream.datastream.connectors import FileSource, NumberSequenceSource, StreamFormat
from millstream.datastream.connectors.hybrid_source import HybridSource
from millstream.datastream.source import InputStatus, Source, SourceReader
from tests.unit.connectors.readers import context

TEXT = StreamFormat.text_line_format()


class Job:
    """Runs a source, fails, and goes on from its last checkpoint. What came after that counts for nothing."""

    def __init__(self, source: Source, parallelism: int, batch: int = 3) -> None:
        self.source = source
        self.batch = batch
        self.given: list[Any] = []
        self.kept: list[Any] = []
        self.state: tuple[list[Any], list[Any]] | None = None
        self.readers: list[SourceReader] = []
        self.restart(parallelism)

    def restart(self, parallelism: int) -> None:
        self.close()
        self.given = list(self.kept)
        for index in range(parallelism):
            reader = self.source.create_reader(context(index, parallelism, self.batch))
            if self.state is not None:
                splits, shared = pickle.loads(pickle.dumps(self.state))
                reader.restore_shared_state(shared)
                reader.restore_state(splits[index::parallelism])
            reader.start()
            self.readers.append(reader)

    def poll(self, index: int) -> bool:
        """Whether there was anything."""
        batch = self.readers[index % len(self.readers)].poll()
        if isinstance(batch, InputStatus):
            return False
        assert isinstance(batch, RecordBatch)
        self.given += batch.values
        return True

    def checkpoint(self) -> None:
        splits = [split for reader in self.readers for split in reader.snapshot_state()]
        shared = [item for reader in self.readers for item in reader.snapshot_shared_state()]
        self.state = splits, shared
        self.kept = list(self.given)

    def drain(self) -> list[Any]:
        for index in range(len(self.readers)):
            while self.poll(index):
                pass
        return self.given

    def close(self) -> None:
        readers, self.readers = self.readers, []
        for reader in readers:
            reader.close()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("poll"), st.integers(0, 3)),
        st.tuples(st.just("checkpoint"), st.just(0)),
        st.tuples(st.just("restart"), st.integers(1, 4)),
    ),
    max_size=30,
)


def play(job: Job, steps: Sequence[tuple[str, int]]) -> list[Any]:
    for what, argument in steps:
        if what == "poll":
            job.poll(argument)
        elif what == "checkpoint":
            job.checkpoint()
        else:
            job.restart(argument)
    try:
        return job.drain()
    finally:
        job.close()


def lines(path: Path) -> list[str]:
    """Files of several sizes; some lines are longer than a block."""
    written = []
    for name, count in (("a", 30), ("b", 1), ("c", 0), ("d/e", 7)):
        file = path / name
        file.parent.mkdir(exist_ok=True)
        content = [f"{name}{index}" + "x" * (index % 5 * 7) for index in range(count)]
        file.write_text("".join(f"{line}\n" for line in content))
        written += content
    return written


def files(path: Path, block_size: int = 16) -> FileSource:
    return FileSource(TEXT, (str(path),), block_size)


SOURCES: dict[str, Callable[[Path], Source]] = {
    "numbers": lambda path: NumberSequenceSource(1, 40),
    "files": files,
    "whole files": lambda path: FileSource(TEXT, (str(path),), splittable=False),
    "hybrid": lambda path: (
        HybridSource.builder(NumberSequenceSource(1, 11))
        .add_source(files(path))
        .add_source(CollectionSource(["x", "y", "z", "u"]))
        .build()
    ),
}


@given(STEPS, st.integers(1, 4), st.sampled_from(sorted(SOURCES)))
def test_each_record_is_read_once(steps: list[tuple[str, int]], parallelism: int, kind: str) -> None:
    with tempfile.TemporaryDirectory() as directory:
        written = lines(Path(directory))
        all_expected: dict[str, list[Any]] = {
            "numbers": list(range(1, 41)),
            "files": list(written),
            "whole files": list(written),
            "hybrid": [*range(1, 12), *written, "x", "y", "z", "u"],
        }
        expected = all_expected[kind]
        assert Counter(play(Job(SOURCES[kind](Path(directory)), parallelism), steps)) == Counter(expected)


@given(st.lists(st.tuples(st.sampled_from(["poll", "checkpoint", "file"]), st.integers(0, 9)), max_size=30))
def test_a_collection_is_read_once(steps: list[tuple[str, int]]) -> None:
    job = Job(CollectionSource(list(range(20))), 1)
    moves = [("restart", 1) if what == "file" else (what, argument) for what, argument in steps]
    assert play(job, moves) == list(range(20))


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("poll"), st.integers(0, 3)),
            st.tuples(st.sampled_from(["checkpoint", "file"]), st.just(0)),
            st.tuples(st.just("restart"), st.integers(1, 4)),
        ),
        max_size=30,
    ),
    st.integers(1, 4),
    st.booleans(),
)
def test_each_file_that_comes_is_read_once(steps: list[tuple[str, int]], parallelism: int, hybrid: bool) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory)
        source: Source = (
            FileSource.for_record_stream_format(TEXT, directory).monitor_continuously(Duration.of_millis(1)).build()
        )
        expected: list[Any] = []
        if hybrid:
            source = HybridSource.builder(NumberSequenceSource(1, 9)).add_source(source).build()
            expected += range(1, 10)
        job = Job(source, parallelism)
        for what, argument in steps:
            if what == "file":
                name = f"f{len(list(path.iterdir()))}"
                content = [f"{name}-{index}" for index in range(5)]
                (path / name).write_text("".join(f"{line}\n" for line in content))
                expected += content
            elif what == "poll":
                job.poll(argument)
            elif what == "checkpoint":
                job.checkpoint()
            else:
                job.restart(argument)
        asyncio.run(look_again(job))
        assert Counter(job.given) == Counter(expected)


async def look_again(job: Job) -> None:
    for _ in range(4):  # several passages of a reader look one after the other
        job.drain()
        for reader in job.readers:
            if reader.poll() is InputStatus.NOTHING_AVAILABLE:
                await reader.wait_available()
    job.drain()
    job.close()


def test_what_is_left_of_a_file_is_read_by_all_that_there_are_now(tmp_path: Path) -> None:
    count = 60_000
    (tmp_path / "big").write_text("".join(f"{index}\n" for index in range(count)))
    job = Job(FileSource(TEXT, (str(tmp_path),), 4096), 1, 1000)
    job.poll(0)
    job.checkpoint()
    assert job.state is not None
    assert 16 <= len(job.state[0]) <= 40
    job.restart(4)
    for reader in job.readers:
        assert sum(split.end - split.start for split in reader.snapshot_state()) > 50_000
    assert sorted(job.drain(), key=int) == [str(index) for index in range(count)]
    job.close()


def test_a_split_is_cut_where_it_was_not_read() -> None:
    split = FileSplit("f", 10, 100, (20, 3))
    assert split.cut(40, 30) == [FileSplit("f", 10, 70, (20, 3)), FileSplit("f", 70, 100)]
    assert split.cut(90, 30) == [split]
    assert FileSplit("f", 0, None).cut(0, 1) == [FileSplit("f", 0, None)]


@pytest.mark.parametrize("parallelism", [1, 3])
def test_several_passages_of_a_hybrid_source_wait_together(parallelism: int, tmp_path: Path) -> None:
    endless = (
        FileSource.for_record_stream_format(TEXT, str(tmp_path)).monitor_continuously(Duration.of_millis(1)).build()
    )
    job = Job(HybridSource.builder(NumberSequenceSource(1, 3)).add_source(endless).build(), parallelism)
    job.drain()
    job.checkpoint()
    job.restart(1)
    (tmp_path / "a").write_text("x\n")

    async def read() -> None:
        for _ in range(50):
            if "x" in job.drain():
                return
            await asyncio.wait_for(job.readers[0].wait_available(), 10)
        raise AssertionError("the file was not found")

    asyncio.run(read())
    job.close()
