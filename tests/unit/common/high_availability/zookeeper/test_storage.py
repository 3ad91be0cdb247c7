"""The files that pointers lead to: where they lie, and which of them may be deleted."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import ConfigurationError, MillstreamError
from millstream.common.file_system import FileSystemError
from millstream.common.high_availability.zookeeper.data_frame import DataKind, UnreadableDataError
from millstream.common.high_availability.zookeeper.storage import HighAvailabilityStorage, StoredData
from millstream.common.ids import JobID
from tests.unit.common.high_availability.zookeeper.terms import InlineExecutor

JOB = JobID("a" * 32)


def configuration(directory: Path, cluster_id: str = "/default") -> Configuration:
    return (
        Configuration()
        .set(HighAvailabilityOptions.STORAGE_DIR, str(directory))
        .set(HighAvailabilityOptions.CLUSTER_ID, cluster_id)
    )


def storage(settings: Configuration) -> HighAvailabilityStorage:
    return HighAvailabilityStorage(settings, InlineExecutor())


def tear(file: str, length: int) -> None:
    os.truncate(file, length)


def test_each_cluster_has_a_directory_of_its_own(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = storage(configuration(tmp_path, "//team/one/"))
        data = await kept.write(DataKind.JOB_GRAPH, JOB, b"graph")
        assert Path(data.file).parent == tmp_path / "team" / "one" / "job-graphs"
        assert Path(data.file).name.startswith(f"{JOB}-")
        assert kept.root == str(tmp_path / "team" / "one")
        assert kept.checkpoint_directory == str(tmp_path / "team" / "one" / "checkpoints")
        assert await kept.read(DataKind.JOB_GRAPH, data) == b"graph"
        assert await storage(configuration(tmp_path, "/team/two")).files() == []
        (file,) = await kept.files()
        assert (file.file, file.job_id, file.is_whole) == (data.file, JOB, True)

    asyncio.run(scenario())


def test_results_can_lie_elsewhere(tmp_path: Path) -> None:
    async def scenario() -> None:
        settings = configuration(tmp_path / "ha").set(
            JobManagerOptions.JOB_RESULT_STORE_PATH, (tmp_path / "results").as_uri()
        )
        kept = storage(settings)
        data = await kept.write(DataKind.JOB_RESULT, JOB, b"result")
        assert data.file.startswith((tmp_path / "results").as_uri() + "/default/job-results/")
        assert [file.file for file in await kept.files()] == [data.file]

    asyncio.run(scenario())


def test_without_a_directory_it_says_which_option_to_set() -> None:
    with pytest.raises(ConfigurationError, match=r"high-availability\.storageDir is not set; name a directory"):
        storage(Configuration())


def test_a_file_that_is_gone_or_torn_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = storage(configuration(tmp_path))
        data = await kept.write(DataKind.JOB_GRAPH, JOB, b"graph" * 100)
        tear(data.file, 300)
        with pytest.raises(UnreadableDataError, match=r"torn: it has 300 bytes") as torn:
            await kept.read(DataKind.JOB_GRAPH, data)
        assert data.file in str(torn.value)
        await kept.delete(data.file)
        with pytest.raises(UnreadableDataError, match="there is no such file; put the file back") as gone:
            await kept.read(DataKind.JOB_GRAPH, data)
        assert data.file in str(gone.value)
        await kept.delete(data.file)

    asyncio.run(scenario())


def test_a_storage_that_does_not_answer_is_another_error_than_a_broken_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = storage(configuration(tmp_path))
        directory = tmp_path / "default" / "job-graphs" / f"{JOB}-{0:016x}"
        directory.mkdir(parents=True)
        with pytest.raises(FileSystemError, match="cannot read"):
            await kept.read(DataKind.JOB_GRAPH, StoredData(str(directory), "00"))

    asyncio.run(scenario())


def test_nothing_is_deleted_but_data_files(tmp_path: Path) -> None:
    async def scenario() -> None:
        kept = storage(configuration(tmp_path))
        foreign = tmp_path / "important"
        foreign.write_text("of somebody else")
        with pytest.raises(MillstreamError, match="left as it is"):
            await kept.delete(str(foreign))
        await kept.discard(str(foreign))
        assert foreign.exists()
        data = await kept.write(DataKind.JOB_GRAPH, JOB, b"graph")
        rest = Path(data.file).parent / f".{JOB}-{1:016x}.0123abcd.tmp"
        rest.write_bytes(b"gra")
        (Path(data.file).parent / "notes.txt").write_text("of somebody else")
        assert {file.file: file.is_whole for file in await kept.files()} == {data.file: True, str(rest): False}
        await kept.delete(str(rest))
        await kept.delete(data.file)
        assert await kept.files() == []

    asyncio.run(scenario())
