"""Simulated storage: atomic, shared, durable; without effect for the dead; torn where a real one is; failing."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from millstream.common.file_system import FileSystemError, file_system_of
from millstream.connectors.file_system.part_store import PartStoreOwner
from millstream.testing.simulation.simulated_process import ProcessKilled, SimulatedProcess
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.storage import SimulatedStorage


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation(1) as made:
        yield made


@pytest.fixture
def storage(simulation: Simulation) -> SimulatedStorage:
    return SimulatedStorage(simulation)


def within(simulation: Simulation, work: Callable[[], Any]) -> Any:
    """Carry work out in a thread of a process, and return what it returns."""
    process = start(simulation, work)
    simulation.run_until(lambda: not process.alive, 60, "the work is done")
    if simulation.errors:
        error = simulation.errors.pop().error
        assert error is not None
        raise error
    return process.result


def start(simulation: Simulation, work: Callable[[], Any]) -> SimulatedProcess:
    async def main() -> object:
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return simulation.start_process(f"worker-{len(simulation.processes)}", "host", main)


def test_what_is_committed_is_seen_by_all_and_what_is_not_is_hidden(
    simulation: Simulation, storage: SimulatedStorage
) -> None:
    files = file_system_of("sim://store/")

    def write() -> None:
        output = files.create("sim://store/a/file")
        output.write(b"half")
        assert not files.exists("sim://store/a/file")
        output.write(b" and half")
        output.commit()
        output.discard()

    within(simulation, write)
    assert within(simulation, lambda: files.read("sim://store/a/file")) == b"half and half"
    [entry] = within(simulation, lambda: files.list("sim://store/a"))
    assert (entry.path, entry.name, entry.size, entry.is_directory) == ("sim://store/a/file", "file", 13, False)
    within(simulation, lambda: files.move("sim://store/a/file", "sim://store/b/other"))
    assert storage.volume("store").written == ["/b/other"]
    with pytest.raises(FileNotFoundError):
        within(simulation, lambda: files.read("sim://store/a/file"))
    within(simulation, lambda: files.delete_directory("sim://store/b"))
    assert not files.exists("sim://store/b/other")
    assert files.list("sim://store/nowhere") == []
    assert not file_system_of("sim://another/").exists("sim://another/a")


def test_a_dead_process_changes_nothing(simulation: Simulation, storage: SimulatedStorage) -> None:
    files = file_system_of("sim://store/")

    def write() -> None:
        output = files.create("sim://store/file")
        try:
            output.write(b"content")
            Simulation.current_process().kill("by the test")  # type: ignore[union-attr]  # it is in one
            raise ProcessKilled
        finally:
            output.discard()
            with pytest.raises(ProcessKilled):
                files.write("sim://store/late", [b"x"])

    process = start(simulation, write)
    simulation.run_until(lambda: not process.alive, 10, "it is dead")
    [hidden] = storage.volume("store").written
    assert hidden.startswith("/.file.")
    assert len(storage.volume("store").read(hidden)) <= len(b"content")


def test_faults_come_before_or_after_the_effect(simulation: Simulation, storage: SimulatedStorage) -> None:
    files = file_system_of("sim://store/")
    storage.faults.error_after = 1.0
    with pytest.raises(FileSystemError, match="may have been done"):
        within(simulation, lambda: files.write("sim://store/after", [b"x"]))
    assert files.read("sim://store/after") == b"x"
    storage.faults.error_after = 0.0
    storage.faults.error_before = 1.0
    with pytest.raises(FileSystemError, match="input/output"):
        within(simulation, lambda: files.delete("sim://store/after"))
    assert files.exists("sim://store/after")
    storage.faults.error_before = 0.0
    storage.faults.full = True
    with pytest.raises(FileSystemError, match="no space left"):
        within(simulation, lambda: files.write("sim://store/full", [b"x"]))
    within(simulation, lambda: files.delete("sim://store/after"))
    storage.faults.full = False
    assert storage.volume("store").written == []
    storage.faults.missing = 1.0
    files.write("sim://store/there", [b"x"])
    with pytest.raises(FileNotFoundError):
        within(simulation, lambda: files.read("sim://store/there"))


def test_a_slow_disk_holds_up_who_waits_for_it_and_nobody_else(
    simulation: Simulation, storage: SimulatedStorage
) -> None:
    files = file_system_of("sim://store/")
    storage.faults.slow, storage.faults.slow_s = 1.0, 30.0
    ticks: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        writing = loop.run_in_executor(None, lambda: files.write("sim://store/file", [b"x"]))
        while not writing.done():
            ticks.append(loop.time())
            await asyncio.sleep(0.1)
        await writing

    process = simulation.start_process("writer", "host", main)
    simulation.run_until(lambda: not process.alive, 200, "it is written")
    assert len(ticks) > 20
    assert max(later - sooner for sooner, later in itertools.pairwise(ticks)) < 0.2


def test_young_files_may_not_be_listed_yet(simulation: Simulation, storage: SimulatedStorage) -> None:
    files = file_system_of("sim://store/")
    names = [f"{number}" for number in range(20)]
    for name in names:
        files.write(f"sim://store/{name}", [b""])
    storage.faults.listing_lag_s = 1.0
    seen = {status.name for status in within(simulation, lambda: files.list("sim://store/"))}
    assert seen < set(names)
    simulation.run_for(2.0)
    assert {status.name for status in within(simulation, lambda: files.list("sim://store/"))} == set(names)


def test_programs_read_the_disk_and_write_over_it(
    simulation: Simulation, storage: SimulatedStorage, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "file").write_bytes(b"real")
    files = file_system_of(str(tmp_path))

    def work() -> None:
        assert files.read(f"{tmp_path}/in/file") == b"real"
        files.write(f"file://{tmp_path}/in/new", [b"simulated"])
        assert [status.name for status in files.list(f"{tmp_path}/in")] == ["file", "new"]
        files.delete(f"{tmp_path}/in/file")
        assert [status.path for status in files.list(f"{tmp_path}/in")] == [f"{tmp_path}/in/new"]
        assert not files.exists(f"{tmp_path}/in/file")
        files.write(f"{tmp_path}/in/file", [b"again"])
        assert files.read(f"{tmp_path}/in/file") == b"again"
        files.delete_directory(f"{tmp_path}/in")
        assert files.list(f"{tmp_path}/in") == []

    within(simulation, work)
    assert (tmp_path / "in" / "file").read_bytes() == b"real"
    assert storage.local.written == []
    simulation.close()
    assert file_system_of(str(tmp_path)).read(f"{tmp_path}/in/file") == b"real"


def test_a_part_of_a_file_that_was_not_synced_is_torn_when_its_writer_is_killed() -> None:
    lengths: set[int] = set()
    for seed in range(30):
        with Simulation(seed) as simulation:
            storage = SimulatedStorage(simulation)
            owner = file_system_of("/out")
            assert isinstance(owner, PartStoreOwner)
            parts = owner.part_store()

            async def main() -> None:
                stream = parts.create("/out/.part")  # noqa: B023  # called in this turn only
                stream.write(b"synced")
                stream.persist()
                stream.write(b", and not")
                await asyncio.Event().wait()

            process = simulation.start_process("writer", "host", main)
            simulation.run_for(1.0)
            process.kill("by the test")
            content = storage.local.read("/out/.part")
            assert b"synced, and not".startswith(content)
            lengths.add(len(content))
            resumed = parts.resume("/out/.part", 6, "/out/.part-2")
            resumed.write(b"!")
            resumed.finish()
            assert parts.rename("/out/.part-2", "/out/part")
            assert parts.rename("/out/.part-2", "/out/part")
            assert storage.local.read("/out/part") == b"synced!"
            assert list(parts.hidden("/out")) == [("/out/.part", ".part")]
    assert min(lengths) >= 6
    assert len(lengths) > 3
