"""A leader is patient with a storage that does not answer, and fails at once for what no patience mends."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from millstream.common.checkpoint.errors import (
    BrokenSnapshotError,
    ForeignSnapshotError,
    MissingSnapshotError,
    NewerSnapshotError,
)
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.file_system import FileSystemError
from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.leadership import LeadershipLostError
from millstream.common.high_availability.memory_stores import MemoryCheckpointPointers
from millstream.common.ids import IdFactory, JobID
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata
from millstream.jobmanager.checkpoint.events import CheckpointRestored, ClaimMode, RecoveredCheckpoint
from millstream.jobmanager.checkpoint.snapshot_matching import StateRecoveryError
from millstream.jobmanager.job_master.checkpoint_files import CheckpointFiles
from millstream.jobmanager.job_master.checkpoint_recovery import CheckpointRecovery
from tests.unit.dispatcher.virtual_time import run

JOB = JobID("a" * 32)
T = TypeVar("T")


def _os_error(number: int) -> FileSystemError:
    error = FileSystemError("cannot read it")
    error.__cause__ = OSError(number, "what the system says")
    return error


class Files(CheckpointFiles):
    """Checkpoints that can be read after so many attempts that fail.

    :ivar wrong: what the next attempts for an id fail with; 0: for a path.
    """

    def __init__(self) -> None:
        super().__init__(JOB, Configuration(), IdFactory())
        self.wrong: dict[int, list[MillstreamError]] = {}
        self.attempts = 0

    def recover(self, pointer: CheckpointPointer) -> RecoveredCheckpoint:
        self._attempt(pointer.checkpoint_id)
        metadata = CheckpointMetadata(checkpoint_id=pointer.checkpoint_id)
        return RecoveredCheckpoint(metadata, pointer.directory, pointer.owned)

    def read(self, path: str, claim_mode: ClaimMode) -> CheckpointRestored:
        self._attempt(0)
        return CheckpointRestored(CheckpointMetadata(checkpoint_id=9), path, claim_mode)

    def _attempt(self, number: int) -> None:
        self.attempts += 1
        if self.wrong.get(number):
            raise self.wrong[number].pop(0)


class Pointers(MemoryCheckpointPointers):
    """Two pointers, and a ZooKeeper with bad moments."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[MillstreamError] = []
        for number in (1, 2):
            self._pointers[number] = CheckpointPointer(number, f"file:///c/chk-{number}", owned=True)

    async def all(self) -> list[CheckpointPointer]:
        if self.wrong:
            raise self.wrong.pop(0)
        return await super().all()


class World:
    """A recovery with what it works on.

    :ivar told: the trouble that was told of.
    """

    def __init__(self) -> None:
        self.files = Files()
        self.pointers = Pointers()
        self.told: list[Exception] = []

        async def in_thread(work: Callable[[], T]) -> T:
            return work()

        self.recovery = CheckpointRecovery(JOB, self.pointers, self.files, in_thread, self.told.append)

    def recover(self, *, has_ended: bool = False) -> tuple[list[int], tuple[int, ...]]:
        """Return the checkpoints that were recovered, and those that cannot be read."""
        found: list[tuple[list[int], tuple[int, ...]]] = []

        async def test() -> None:
            event = await self.recovery.recover(has_ended=has_ended)
            found.append(([one.metadata.checkpoint_id for one in event.checkpoints], event.unreadable))

        run(test)
        return found[0]


@pytest.mark.parametrize(
    "error", [_os_error(errno.EIO), _os_error(errno.ETIMEDOUT), _os_error(errno.EACCES), FileSystemError("no turn")]
)
@pytest.mark.parametrize("number", [1, 2])
def test_a_storage_that_does_not_answer_is_waited_for(
    caplog: pytest.LogCaptureFixture, error: FileSystemError, number: int
) -> None:
    caplog.set_level(logging.WARNING)
    world = World()
    world.files.wrong[number] = [error] * 100
    assert world.recover() == ([1, 2], ())
    assert world.told == [error] * 100
    assert sum("cannot read checkpoint" in message for message in caplog.messages) == 100


def test_zookeeper_is_waited_for() -> None:
    world = World()
    world.pointers.wrong = [MillstreamError("no connection")] * 100
    assert world.recover() == ([1, 2], ())
    assert len(world.told) == 100


@pytest.mark.parametrize("kind", [BrokenSnapshotError, ForeignSnapshotError, NewerSnapshotError])
def test_what_trying_again_does_not_mend_fails_the_job_at_once(kind: type[MillstreamError]) -> None:
    world = World()
    world.files.wrong[2] = [kind("that is no checkpoint")]
    with pytest.raises(StateRecoveryError, match=r"latest checkpoint 2 .*that is no checkpoint\. All of its data"):
        world.recover()
    assert (world.files.attempts, world.told) == (2, [])


def test_a_missing_checkpoint_is_looked_for_a_few_times() -> None:
    world = World()
    world.files.wrong[2] = [MissingSnapshotError("not there")] * 5
    assert world.recover() == ([1, 2], ())
    world.files.wrong[2] = [MissingSnapshotError("not there")] * 6
    with pytest.raises(StateRecoveryError, match="not there"):
        world.recover()


def test_trouble_with_the_storage_does_not_count_as_looking() -> None:
    world = World()
    world.files.wrong[2] = [_os_error(errno.EIO)] * 50 + [MissingSnapshotError("not there")] * 5
    assert world.recover() == ([1, 2], ())


@pytest.mark.parametrize(("number", "has_ended"), [(1, False), (1, True), (2, True)])
def test_one_that_the_job_need_not_go_on_from_is_forgotten(number: int, has_ended: bool) -> None:
    world = World()
    world.files.wrong[number] = [BrokenSnapshotError("torn")]
    assert world.recover(has_ended=has_ended) == ([3 - number], (number,))
    assert [pointer.checkpoint_id for pointer in asyncio.run(world.pointers.all())] == [3 - number]


def test_a_term_that_ends_ends_the_patience() -> None:
    world = World()
    world.pointers.wrong = [MillstreamError("no connection"), LeadershipLostError("another leads")]
    with pytest.raises(LeadershipLostError):
        world.recover()


def test_what_a_user_has_named_is_waited_for_too_but_not_for_ever(tmp_path: Path) -> None:
    async def test() -> None:
        world = World()
        world.files.wrong[0] = [_os_error(errno.EIO)] * 14
        restored = await world.recovery.begin_from(str(tmp_path), ClaimMode.CLAIM)
        assert (restored.directory, restored.claim_mode) == (str(tmp_path), ClaimMode.CLAIM)
        world.files.wrong[0] = [_os_error(errno.EIO)] * 15
        with pytest.raises(FileSystemError):
            await world.recovery.begin_from(str(tmp_path), ClaimMode.CLAIM)

    run(test)


@pytest.mark.parametrize(
    "error", [FileSystemError("there is no such scheme"), _os_error(errno.EACCES), MissingSnapshotError("not there")]
)
def test_a_user_hears_at_once_that_a_path_is_wrong(error: MillstreamError) -> None:
    async def test() -> None:
        world = World()
        world.files.wrong[0] = [error]
        with pytest.raises(type(error)):
            await world.recovery.begin_from("file:///nowhere", ClaimMode.NO_CLAIM)
        assert world.files.attempts == 1

    run(test)
