"""The program whose snapshots are kept under ``data``: later versions must go on from them.

``python -m tests.cluster.stored_program VERSION`` makes them anew, as directories of that name: only for a new version
of what is stored, beside those of the older ones, which stay as they are.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from millstream.client.mini_cluster import MiniCluster
from millstream.common import Types
from millstream.common.config import Configuration
from millstream.common.states import JobStatus
from millstream.datastream import StreamExecutionEnvironment
from millstream.datastream.functions import (
    CheckpointedFunction,
    FunctionInitializationContext,
    FunctionSnapshotContext,
    KeyedProcessFunction,
    MapFunction,
    RuntimeContext,
    SourceContext,
    SourceFunction,
)
from millstream.datastream.state import ListStateDescriptor, MapStateDescriptor, ValueStateDescriptor
from millstream.testing import environment_for
from millstream.testing.process_cluster import eventually

__all__ = ["DATA", "KINDS", "Account", "define", "settings_of", "version_directories"]

DATA = Path(__file__).with_name("data")
KINDS = ["savepoint-canonical", "savepoint-native", "checkpoint-rocksdb"]
KEYS = 20
HALF = 200
"""Numbers before the snapshot, and after it."""


@dataclass
class Account:
    """A user's own class in state."""

    owner: int
    amounts: list[int] = field(default_factory=list)


class Numbers(SourceFunction, CheckpointedFunction):
    """The numbers up to a half, then it waits to be stopped; the next time the other half, and it ends."""

    def run(self, ctx: SourceContext) -> None:
        self.running = True
        until = HALF if self.next < HALF else 2 * HALF
        while self.running and self.next < until:
            with ctx.get_checkpoint_lock():
                ctx.collect(self.next)
                self.next += 1
        while self.running and until == HALF:
            time.sleep(0.005)

    def cancel(self) -> None:
        self.running = False

    def initialize_state(self, context: FunctionInitializationContext) -> None:
        self.state = context.get_operator_state_store().get_list_state(ListStateDescriptor("next", Types.LONG()))
        self.next = next(iter(self.state), 0)

    def snapshot_state(self, context: FunctionSnapshotContext) -> None:
        self.state.update([self.next])


class Accounts(KeyedProcessFunction):
    """Keeps a value, a list and a map for each key, and says all of it as soon as the key's numbers are complete."""

    def open(self, runtime_context: RuntimeContext) -> None:
        self.account = runtime_context.get_state(ValueStateDescriptor("account"))
        self.seen = runtime_context.get_list_state(ListStateDescriptor("seen", Types.LONG()))
        self.by_digit = runtime_context.get_map_state(MapStateDescriptor("by digit", Types.STRING(), Types.LONG()))

    def process_element(self, value: int, ctx: KeyedProcessFunction.Context) -> Iterator[str]:
        account = self.account.value() or Account(ctx.get_current_key())
        account.amounts.append(value)
        self.account.update(account)
        self.seen.add(value)
        digit = str(value)[-1]
        self.by_digit.put(digit, (self.by_digit.get(digit) or 0) + 1)
        if len(account.amounts) == 2 * HALF // KEYS:
            digits = sorted(self.by_digit.items())
            yield f"{account.owner} {sorted(account.amounts)} {sorted(self.seen)} {digits}"


class Passed(MapFunction):
    """Notes what has come to it."""

    def __init__(self, directory: Path) -> None:
        self.directory = str(directory)

    def map(self, value: int) -> int:
        if value == HALF - 1:
            Path(self.directory, "half").touch()
        return value


def expected_lines() -> list[str]:
    """What the second half gives, whatever the first one was made with."""
    lines = []
    for key in range(KEYS):
        numbers = list(range(key, 2 * HALF, KEYS))
        lines.append(f"{key} {numbers} {numbers} {[(str(numbers[0])[-1], len(numbers))]}")
    return sorted(lines)


def define(env: StreamExecutionEnvironment, directory: Path) -> Any:
    """Define the program and return its lines."""
    numbers = env.add_source(Numbers(), "numbers", Types.LONG()).uid("numbers")
    passed = numbers.map(Passed(directory), Types.LONG()).uid("passed")
    return passed.key_by(lambda value: value % KEYS, Types.LONG()).process(Accounts(), Types.STRING()).uid("accounts")


def settings_of(kind: str, directory: Path) -> dict[str, str]:
    """Return the settings of the job that a kind of snapshot is made of."""
    return {
        "state.backend.type": "rocksdb" if kind == "checkpoint-rocksdb" else "hashmap",
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.interval": "50 ms",
        "execution.checkpointing.dir": (directory / "checkpoints").as_uri(),
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
    }


def version_directories() -> list[Path]:
    """Return the directories of all versions."""
    return sorted(path for path in DATA.iterdir() if path.is_dir())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cluster.stored_program", description=__doc__)
    parser.add_argument("version", help="the name of the directory under data, as in 1")
    target = DATA / parser.parse_args().version
    target.mkdir(parents=True)
    with MiniCluster(slots_per_task_manager=2, isolation="thread") as cluster:
        for kind in KINDS:
            with tempfile.TemporaryDirectory() as directory:
                _make(cluster, kind, Path(directory), target / kind)
    return 0


def _make(cluster: MiniCluster, kind: str, directory: Path, target: Path) -> None:
    # Imported by its name, as whoever reads it will: as __main__ its classes would be others.
    from tests.cluster import stored_program

    with environment_for(cluster, Configuration.from_map(settings_of(kind, directory))) as env:
        env.set_parallelism(2)
        stored_program.define(env, directory).print()
        job = cluster.client.job(env.execute_async(kind).get_job_id())
    eventually((directory / "half").exists, "the first half")
    before = job.get_checkpoints().completed
    eventually(lambda: job.get_checkpoints().completed > before + 1, "a checkpoint after it")
    if kind == "checkpoint-rocksdb":
        job.cancel()
        eventually(lambda: job.get_job_status() is JobStatus.CANCELED, "the end")
        (found,) = (directory / "checkpoints" / job.get_job_id()).glob("chk-*")
        shutil.copytree(found, target / "chk")
        shutil.copytree(found.with_name("shared"), target / "shared")
    else:
        form = kind.rpartition("-")[2].upper()
        path = job.stop_with_savepoint(False, str(directory), form)
        shutil.copytree(path.removeprefix("file:"), target)


if __name__ == "__main__":
    sys.exit(main())
