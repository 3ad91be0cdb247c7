"""The master's side: archives are written in the background, patiently, and by whoever leads."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration, JobManagerOptions
from millstream.common.file_system import FileSystemError, register_file_system
from millstream.common.file_system.local_file_system import LocalFileSystem
from millstream.common.ids import JobID
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints
from millstream.common.wire.cluster_pb2 import JobDetails
from millstream.dispatcher.history.archive_file import decode
from millstream.dispatcher.history.archivist import Archivist, make_archivist
from tests.unit.dispatcher.contending_masters import cluster, eventually
from tests.unit.dispatcher.fake_job_master import hex_id
from tests.unit.dispatcher.history.archives import job_id
from tests.unit.dispatcher.rest.job_reports import ended_job

CLOSE_SECONDS = 20.0


def configured(directory: object) -> Configuration:
    return Configuration().set(JobManagerOptions.ARCHIVE_DIR, str(directory))


def archivist(directory: object, most_waiting: int = 100) -> Archivist:
    return Archivist(str(directory), configured(directory), ManualClock(1_000), ["-m", "master"], most_waiting)


def job(number: int, state: str = "FINISHED") -> tuple[JobID, JobDetails, JobCheckpoints]:
    details = ended_job(state)
    details.summary.job_id = job_id(number)
    return JobID(job_id(number)), details, JobCheckpoints()


def state(directory: Path, number: int) -> str:
    return decode((directory / job_id(number)).read_bytes(), JobID(job_id(number))).overview.state


class Moody(LocalFileSystem):
    """Files of a local directory, with bad days."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.failures = 0
        self.may_write = threading.Event()
        self.may_write.set()
        self.writing = threading.Event()

    def write(self, path: str, chunks: Any) -> int:
        self.writing.set()
        assert self.may_write.wait(CLOSE_SECONDS)
        if self.failures:
            self.failures -= 1
            raise FileSystemError(f"{path}: the storage has a bad day")
        return super().write(str(self.directory / path.rpartition("/")[2]), chunks)


@pytest.fixture
def moody(tmp_path: Path) -> Iterator[Moody]:
    made = Moody(tmp_path)
    end = register_file_system("moody", lambda *_: made)
    yield made
    end()


def test_without_a_directory_nothing_is_archived() -> None:
    assert make_archivist(Configuration(), ManualClock(0)) is None


def test_jobs_are_archived_under_their_ids_and_nothing_else_is_left(tmp_path: Path) -> None:
    async def test() -> None:
        made = make_archivist(configured(tmp_path / "new" / "archives"), ManualClock(1_000))
        assert made is not None
        made.job_ended(*job(1))
        made.job_ended(*job(2, "CANCELED"))
        await made.close(CLOSE_SECONDS)
        await made.close(0)

    asyncio.run(test())
    directory = tmp_path / "new" / "archives"
    assert sorted(path.name for path in directory.iterdir()) == [job_id(1), job_id(2)]
    assert [state(directory, 1), state(directory, 2)] == ["FINISHED", "CANCELED"]
    assert list(json.loads((directory / job_id(1)).read_bytes())) == ["archive"]


def test_only_missing_archives_of_earlier_leaders_are_written(tmp_path: Path) -> None:
    (tmp_path / job_id(1)).write_text("what the earlier leader wrote")

    async def test() -> None:
        made = archivist(tmp_path)
        made.ended_earlier([job(1), job(2)])
        await made.close(CLOSE_SECONDS)

    asyncio.run(test())
    assert (tmp_path / job_id(1)).read_text() == "what the earlier leader wrote"
    assert state(tmp_path, 2) == "FINISHED"


def test_a_storage_that_fails_is_tried_again(moody: Moody, caplog: pytest.LogCaptureFixture) -> None:
    moody.failures = 2

    async def test() -> None:
        made = archivist("moody://store/archives")
        made.job_ended(*job(1))
        made.job_ended(*job(2))
        await made.close(CLOSE_SECONDS)

    asyncio.run(test())
    assert [state(moody.directory, 1), state(moody.directory, 2)] == ["FINISHED", "FINISHED"]
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(told) == 2
    assert "jobmanager.archive.fs.dir" in told[0]
    assert "bad day" in told[0]


def test_the_end_of_the_master_waits_only_so_long(moody: Moody, caplog: pytest.LogCaptureFixture) -> None:
    moody.failures = 1_000_000

    async def test() -> None:
        made = archivist("moody://store/archives")
        made.job_ended(*job(1))
        await asyncio.wait_for(made.close(0.05), CLOSE_SECONDS)

    asyncio.run(test())
    assert any("not archived" in record.getMessage() and job_id(1) in record.getMessage() for record in caplog.records)


def test_the_event_loop_goes_on_while_an_archive_is_written(moody: Moody) -> None:
    moody.may_write.clear()

    async def test() -> None:
        made = archivist("moody://store/archives")
        made.job_ended(*job(1))
        await eventually(moody.writing.is_set, "the archive is being written")
        moody.may_write.set()
        await made.close(CLOSE_SECONDS)

    asyncio.run(test())
    assert state(moody.directory, 1) == "FINISHED"


def test_what_waits_is_bounded(moody: Moody, caplog: pytest.LogCaptureFixture) -> None:
    moody.may_write.clear()

    async def test() -> None:
        made = archivist("moody://store/archives", most_waiting=2)
        for number in range(1, 5):
            made.job_ended(*job(number))
        moody.may_write.set()
        await made.close(CLOSE_SECONDS)

    asyncio.run(test())
    assert {path.name for path in moody.directory.iterdir()} == {job_id(3), job_id(4)}
    assert sum("too many others wait" in record.getMessage() for record in caplog.records) == 2


def test_a_report_that_makes_no_sense_does_not_hold_others_up(tmp_path: Path) -> None:
    async def test() -> None:
        made = archivist(tmp_path)
        strange = job(1)
        strange[1].vertices[0].subtasks[0].state = "DANCING"
        made.job_ended(*strange)
        made.job_ended(*job(2))
        await made.close(CLOSE_SECONDS)

    asyncio.run(test())
    assert [path.name for path in tmp_path.iterdir()] == [job_id(2)]


def test_the_master_archives_what_ends_also_when_it_ends_itself(tmp_path: Path) -> None:
    async def test() -> None:
        async with cluster(configured(tmp_path)) as world:
            await world.first.lead()
            (await world.first.run_job(1)).end("FAILED")
            await eventually((tmp_path / hex_id(1)).exists, "the archive is written")
            (await world.first.run_job(2)).end("FINISHED")
            await world.first.result(2)

    asyncio.run(test())
    assert [state(tmp_path, 1), state(tmp_path, 2)] == ["FAILED", "FINISHED"]


def test_the_next_leader_archives_what_is_missing(tmp_path: Path) -> None:
    directory = tmp_path / "archives"
    directory.write_text("in the way")

    async def test() -> None:
        async with cluster(configured(directory)) as world:
            await world.first.lead()
            (await world.first.run_job(1)).end("FINISHED")
            await world.first.result(1)
            await world.first.master.close()
            directory.unlink()
            await world.second.lead()
            await eventually((directory / hex_id(1)).exists, "the archive is written")

    asyncio.run(test())
    assert state(directory, 1) == "FINISHED"
