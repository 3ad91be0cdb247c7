"""What holds whatever happens, in whatever order: a random walk plays the tasks, the shell, the users and the faults.

Each walk is given by its seed and is weighted so that it gets somewhere: checkpoints become complete, are subsumed,
restored from and stopped with, while others fail at every point of their lives. Now and then the leader is deposed in
the middle of whatever it does; the next one knows the pointers alone, and what the old one had begun to delete goes on,
as does what its tasks had begun to write.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from millstream.common.checkpoint.state_paths import stored_bytes, with_absolute_paths
from millstream.common.ids import AttemptId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, SubtaskCheckpointMetrics, TaskSnapshot
from millstream.jobmanager.checkpoint.actions import RemovePointer, TimerKind
from millstream.jobmanager.checkpoint.events import (
    Acknowledged,
    CheckpointRequested,
    CheckpointRestored,
    ClaimMode,
    RecoveredCheckpoint,
    ResultKept,
    SavepointMode,
    SavepointRequested,
)
from millstream.jobmanager.checkpoint.referenced_files import files_of_snapshot, resolved_snapshot
from millstream.jobmanager.checkpoint.settings import CheckpointSettings, Retention
from millstream.jobmanager.execution_graph import ExecutionVertex
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, Cleanup, CoordinatorHarness, pipeline
from tests.unit.jobmanager.checkpoint.snapshots import keyed

_E = ExecutionState
_RESTORED_ID = 40
_FOREIGN = "file:///foreign/job"
_OWN = f"{BASE}/{'a' * 32}"
_PRODUCERS = {"source": "", "map": "source", "sink": "map"}


class RandomWalk:
    """A job under random treatment, and what should be there according to the rules.

    :ivar base: attempt -> the shared files of the checkpoint that it builds on: the last that it has heard of.
    :ivar heard: how many of the notices have reached their tasks.
    :ivar taking: checkpoint id -> the attempts that ran when it was triggered.
    :ivar ended_before: checkpoint id -> the attempts whose input ended before its barrier.
    :ivar part: (attempt, checkpoint id) -> what it was acknowledged with; ``None``: it was declined.
    :ivar accepted: those acknowledgements that a checkpoint was waiting for.
    :ivar kept: the job's own completed checkpoints, oldest first.
    :ivar savepoints: complete ones.
    :ivar latest: what tasks are to be restored from; 0: nothing.
    :ivar zombies: deletions that deposed leaders may still carry out.
    :ivar orphans: files that a deposed leader may have left behind, and nobody may delete while the job goes on.
    :ivar late: directories of checkpoints into which tasks of deposed leaders may still write.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        choice = self.random.choice
        self.settings = CheckpointSettings(
            interval_ms=1000,
            timeout_ms=5000,
            min_pause_ms=choice([0, 300]),
            max_concurrent=choice([1, 1, 2, 3]),
            tolerable_failures=choice([0, 2, 1000]),
            retention=choice(list(Retention)),
            num_retained=choice([1, 1, 2, 3]),
            incremental=choice([True, False]),
            directory=BASE,
            savepoint_directory="file:///savepoints",
        )
        self.h = CoordinatorHarness(pipeline(), self.settings)
        self.h.patient = True
        self.zombies: deque[Cleanup] = deque()
        self.orphans: set[str] = set()
        self.late: list[str] = []
        self.highest = 0
        self.unanswered = 0
        self.result_is_kept = False
        self.base: dict[AttemptId, list[str]] = {}
        self.heard = 0
        self.taking: dict[int, set[AttemptId]] = {}
        self.ended_before: dict[int, set[AttemptId]] = {}
        self.part: dict[tuple[AttemptId, int], Acknowledged | None] = {}
        self.accepted: set[tuple[AttemptId, int]] = set()
        self.kept: list[int] = []
        self.savepoints: list[int] = []
        self.latest = 0
        self.foreign: set[str] = set()
        self.restored: CheckpointMetadata | None = None
        self.ended_data: set[AttemptId] = set()
        self.may_finish: set[AttemptId] = set()
        self.requests = 0
        self.claim = choice([None, ClaimMode.CLAIM, ClaimMode.NO_CLAIM])
        if self.claim is not None:
            self._restore(self.claim)
        self.h.run()
        self._deployed()
        self.steps: list[tuple[int, Callable[[], None]]] = [
            (10, self.time_passes),
            (20, self.location),
            (20, self.all_acknowledge),
            (20, self.acknowledge),
            (3, self.acknowledge_again),
            (2, self.decline),
            (20, self.metadata),
            (20, self.pointer),
            (10, self.clean),
            (5, self.zombie_deletes),
            (1, self.zombie_writes),
            (self.random.choice([0, 1, 3]), self.take_over),
            (10, self.notices_arrive),
            (self.random.choice([0, 3]), self.end_of_data),
            (4, self.finish),
            (2, self.fail),
            (8, self.restart),
            (2, self.request_checkpoint),
            (2, self.request_savepoint),
            (1, self.end),
            (1, self.keep_result),
        ]

    def step(self) -> None:
        """Let one thing happen, if it may happen now, and look at everything."""
        weights, steps = zip(*self.steps, strict=True)
        self.random.choices(steps, weights)[0]()
        for number in sorted(self.h.triggered.keys() - self.taking.keys()):
            if number <= self.highest:
                continue
            assert number > max(self.taking, default=0), "in order"
            self.taking[number] = set(self.h.running())
            self.ended_before[number] = set(self.ended_data)
        self.check()

    def _restore(self, claim: ClaimMode) -> None:
        h = self.h
        metadata = CheckpointMetadata(checkpoint_id=_RESTORED_ID, kind="CHECKPOINT", job_id="f" * 32)
        for job_vertex in h.graph.job_vertices.values():
            state = metadata.operators.add(
                operator_id=job_vertex.id, name=job_vertex.name, parallelism=job_vertex.parallelism, max_parallelism=128
            )
            for index in range(job_vertex.parallelism):
                handle = keyed(128, job_vertex.parallelism, index, f"own-{job_vertex.name}-{index}")
                named = handle.files.add(name="f", shared=True)
                named.bytes.path = f"../shared/{job_vertex.name}-{index}"
                state.subtasks[index].keyed.append(handle)
        first = self.restored is None
        self.restored = with_absolute_paths(metadata, f"{_FOREIGN}/chk-40")
        files = {stored.path for stored in stored_bytes(self.restored)} | {f"{_FOREIGN}/chk-40/_metadata"}
        assert first or files <= h.files
        h.files |= files
        if claim is ClaimMode.CLAIM:
            self.kept = [_RESTORED_ID]
        else:
            self.foreign = files
        self.latest = _RESTORED_ID
        h.send(CheckpointRestored(metadata, f"{_FOREIGN}/chk-40", claim))
        owned = claim is ClaimMode.CLAIM
        h.pointers[_RESTORED_ID] = RecoveredCheckpoint(metadata, f"{_FOREIGN}/chk-40", owned)

    def _deployed(self) -> None:
        """New attempts begin from the latest complete checkpoint, and from no other; so would those of a later leader,
        whatever becomes of the pointers that are being kept.
        """
        assert max([*self.h.pointers, *self.h.keeping], default=0) == self.latest
        assert all(number <= self.latest for _, number, completed in self.h.notices if completed)
        for one in self.h.graph.vertices():
            restore = self.h.coordinator.restore_of(one.id)
            assert (0 if restore is None else restore.checkpoint_id) == self.latest
            shared: list[str] = []
            if restore is not None:
                files = files_of_snapshot(TaskSnapshot(operators=restore.operators))
                shared = sorted(files.shared)
                assert files.own | files.shared <= self.h.files
            self.base[one.current.attempt_id] = shared

    # ------------------------------------------------------------------ the shell

    def time_passes(self) -> None:
        self.h.pass_time(self.random.choice([1, 300, 1000, 2500]))

    def location(self) -> None:
        if self.h.locations:
            number = self.random.choice(sorted(self.h.locations))
            if not self.random.randrange(10):
                self.h.location_fails(number)
                return
            self.h.prepare(number)

    def metadata(self) -> None:
        if not self.h.writes:
            return
        number = self.random.choice(sorted(self.h.writes))
        if not self.random.randrange(10):
            self.h.write_fails(number)
            return
        pending = number in self.h.coordinator.pending_ids
        self.h.write(number)
        if pending and number not in self.h.keeping:
            assert self.h.metadata[number].kind == "SAVEPOINT"
            self.savepoints.append(number)

    def pointer(self) -> None:
        """Something becomes of the pointer that is being kept, or it is kept and the leader does not hear of it yet."""
        h = self.h
        if not h.keeping:
            return
        number = next(iter(h.keeping))
        chance = self.random.randrange(10)
        if chance == 0 and number not in h.pointers:
            h.keep_fails()
        elif chance < 4:
            h.lands()
        else:
            complete = number in h.coordinator.pending_ids and RemovePointer(number) not in h.cleanup
            h.keep()
            if not complete:
                return
            self.latest = number
            if h.metadata[number].kind == "CHECKPOINT":
                self.kept = [*self.kept, number][-self.settings.num_retained :]
            else:
                self.savepoints.append(number)

    def clean(self) -> None:
        for _ in range(self.random.randrange(5)):
            self.h.clean()

    def zombie_deletes(self) -> None:
        if self.zombies:
            self.h.delete(self.zombies.popleft())

    def zombie_writes(self) -> None:
        if self.late and not self.h.ended:
            path = f"{self.random.choice(self.late)}/late-{len(self.orphans)}"
            self.h.files.add(path)
            self.orphans.add(path)

    def take_over(self) -> None:
        """The leader is deposed. What it was about to delete after the removal of a pointer it does not delete."""
        h = self.h
        if self.result_is_kept or self.random.randrange(4):
            return
        if h.keeping and self.random.randrange(2):
            h.lands()
        while h.cleanup and not isinstance(h.cleanup[0], RemovePointer):
            self.zombies.append(h.cleanup.popleft())
        removal = h.cleanup[0] if h.cleanup else None
        if isinstance(removal, RemovePointer) and removal.checkpoint_id not in h.keeping and self.random.randrange(2):
            h.pointers.pop(removal.checkpoint_id, None)
        self.highest = max([*h.directories, *h.locations], default=0)
        self.heard = len(h.notices)
        self.unanswered = self.requests - len(h.answers)
        self.late += [h.directories[number] for number in sorted(self.taking) if number not in h.pointers]
        for forgotten in (self.base, self.taking, self.ended_before, self.part):
            forgotten.clear()
        for known in (self.accepted, self.ended_data, self.may_finish):
            known.clear()
        owned = [number for number in sorted(h.pointers) if h.pointers[number].owned]
        self.kept = owned[-self.settings.num_retained :]
        stopped = [number for number in h.pointers if number in h.directories and not h.pointers[number].owned]
        self.savepoints = sorted({*self.savepoints, *stopped})
        self.latest = max(h.pointers, default=0)
        # Of what belongs to no complete checkpoint the next leader deletes the checkpoints in the job's own directory.
        # Tasks may still write shared files; elsewhere there is more than the job's; and what came too late for a
        # checkpoint that is complete goes with it.
        kept_directories = tuple(f"{pointer.directory}/" for pointer in h.pointers.values())
        self.orphans |= {
            path for path in h.files if not path.startswith(f"{_OWN}/chk-") or path.startswith(kept_directories)
        }
        h.take_over(self.highest + 1)
        if not self.latest and self.claim is not None:
            self._restore(self.claim)
        h.run()
        self._deployed()

    def notices_arrive(self) -> None:
        """Tasks hear of checkpoints late, and build on those that they have heard of."""
        count = self.random.randint(1, 12)
        for attempt, number, completed in self.h.notices[self.heard : self.heard + count]:
            event = self.part.get((attempt, number))
            if completed and event is not None and (attempt, number) in self.accepted:
                self.base[attempt] = sorted(files_of_snapshot(event.snapshot).shared)
                if event.snapshot.finished:
                    self.may_finish.add(attempt)
        self.heard += count

    # ------------------------------------------------------------------ the tasks

    def candidates(self) -> list[tuple[AttemptId, int]]:
        """Attempts, old ones too, that could still acknowledge or decline a checkpoint."""
        numbers = sorted(self.taking)[-4:]
        attempts = list(self.base)[-10:]
        return [(attempt, number) for number in numbers for attempt in attempts if (attempt, number) not in self.part]

    def acknowledge(self) -> None:
        if candidates := self.candidates():
            self._acknowledge(*self.random.choice(candidates))

    def all_acknowledge(self) -> None:
        if self.taking and self.random.randrange(3):
            latest = self.random.choice(sorted(self.taking)[-2:])
            for attempt, number in self.candidates():
                if number == latest and attempt in self.h.running():
                    self._acknowledge(attempt, number)

    def _acknowledge(self, attempt: AttemptId, number: int) -> None:
        options = self.h.options[number].options
        shared: list[str] = []
        if options.shared_directory:
            shared = [] if options.full else self.base[attempt][self.random.randrange(2) :][:3]
            shared += [self.h.new_shared_file() for _ in range(self.random.randrange(3))]
        finished = attempt in self.ended_before[number] and options.kind != "STOP"
        waiting = number in self.h.coordinator.pending_ids and number not in self.h.writes
        if waiting and attempt in self.taking[number] and self.h.graph.vertex_of_attempt(attempt) is not None:
            self.accepted.add((attempt, number))
        self.part[(attempt, number)] = None
        event = self.h.acknowledge(attempt, number, shared, finished)
        self.part[(attempt, number)] = event

    def acknowledge_again(self) -> None:
        events = [event for event in self.part.values() if event is not None]
        if events:
            event = self.random.choice(events[-12:])
            self.h.send(Acknowledged(event.attempt_id, event.checkpoint_id, event.snapshot, SubtaskCheckpointMetrics()))

    def decline(self) -> None:
        if candidates := self.candidates():
            attempt, number = self.random.choice(candidates)
            self.part[(attempt, number)] = None
            self.h.decline(attempt, number)

    def active(self) -> bool:
        return not self.h.ended and self.h.graph.status is JobStatus.RUNNING

    def end_of_data(self) -> None:
        """Input ends from the sources on: a task's ends when that of all its producers has."""
        if not self.active():
            return
        for name, producers in _PRODUCERS.items():
            before = [one for one in self.members() if producers and one.task_name.startswith(producers)]
            if all(one.state is _E.FINISHED or one.current.attempt_id in self.ended_data for one in before):
                for one in self.members():
                    attempt = one.current.attempt_id
                    new = one.state is _E.RUNNING and attempt not in self.ended_data
                    if new and one.task_name.startswith(name) and self.random.randrange(2):
                        self.ended_data.add(attempt)
                        self.h.end_of_data(attempt)

    def finish(self) -> None:
        """A task that has heard that what it did last is complete finishes."""
        ready = [one for one in self.members() if one.state is _E.RUNNING and one.current.attempt_id in self.may_finish]
        if ready and self.active():
            self.h.finish(self.random.choice(ready))

    def fail(self) -> None:
        running = [one for one in self.members() if one.state is _E.RUNNING]
        if running and self.active():
            self.h.fail(self.random.choice(running))
            in_doubt = self.h.coordinator.pending_ids
            assert all(number in self.h.metadata for number in in_doubt)
            assert self.h.coordinator.in_doubt == bool(in_doubt)

    def restart(self) -> None:
        if self.h.graph.status is JobStatus.RESTARTING and not self.h.coordinator.in_doubt:
            self.h.restart()
            self._deployed()
            self.ended_data = set()

    def members(self) -> list[ExecutionVertex]:
        return list(self.h.graph.vertices())

    # ------------------------------------------------------------------ the users

    def request_checkpoint(self) -> None:
        self.requests += 1
        self.h.send(CheckpointRequested(f"r{self.requests}", self.random.choice([True, False])))

    def request_savepoint(self) -> None:
        self.requests += 1
        modes = [SavepointMode.SAVEPOINT, *SavepointMode]
        self.h.send(SavepointRequested(f"r{self.requests}", mode=self.random.choice(modes)))

    def end(self) -> None:
        if not self.h.ended and not self.random.randrange(4):
            self.end_as(self.random.choice([JobStatus.CANCELED, JobStatus.FAILED, JobStatus.SUSPENDED]))

    def end_as(self, status: JobStatus) -> None:
        self.h.end(status)
        if status is JobStatus.SUSPENDED:
            # Nobody here cares any more what becomes of the pointers that are being kept.
            for number in self.h.keeping:
                self.orphans |= self.files_of(number)

    def keep_result(self) -> None:
        status = self.h.graph.status
        if not self.h.ended or status is JobStatus.SUSPENDED:
            return
        self.result_is_kept = True
        self.h.send(ResultKept())
        retention = self.settings.retention
        gone = retention is Retention.NO_EXTERNALIZED_CHECKPOINTS or (
            retention is Retention.DELETE_ON_CANCELLATION and status is JobStatus.CANCELED
        )
        if gone:
            self.kept = []

    # ------------------------------------------------------------------ what holds

    def check(self) -> None:
        needed = self.needed()
        assert needed <= self.h.files, "nothing is missing"
        if not self.h.cleanup:
            assert self.h.files <= needed | self.orphans, "nothing is left behind"
        pending = self.h.coordinator.pending_ids
        statistics = self.h.coordinator.statistics()
        assert statistics.in_progress == len(pending)
        assert statistics.total == statistics.in_progress + statistics.completed + statistics.failed
        under_way = [one for one in statistics.history if one.status == "IN_PROGRESS"]
        assert [one.checkpoint_id for one in under_way] == pending[::-1]
        assert sum(one.kind == "CHECKPOINT" for one in under_way) <= self.settings.max_concurrent
        timed = {number for kind, number in self.h.timers if kind is TimerKind.TIMEOUT}
        withdrawn = {action.checkpoint_id for action in self.h.cleanup if isinstance(action, RemovePointer)}
        assert timed == set(pending) - withdrawn
        if self.h.ended:
            assert len(self.h.answers) == self.requests - self.unanswered
            assert self.h.timers == {}
        else:
            latest = self.h.coordinator.latest_completed
            assert (0 if latest is None else latest.id) == self.latest

    def needed(self) -> set[str]:
        """The files that must be there."""
        h = self.h
        result = set(self.foreign)
        in_doubt = [number for number in h.keeping if number in h.coordinator.pending_ids]
        for number in {*self.kept, *self.savepoints, *h.pointers, *in_doubt}:
            result |= self.files_of(number)
        for attempt, number in self.accepted:
            event = self.part[(attempt, number)]
            if event is not None and number in h.coordinator.pending_ids:
                files = files_of_snapshot(resolved_snapshot(event.snapshot, h.directories[number]))
                result |= files.own | files.shared
        return result

    def files_of(self, number: int) -> set[str]:
        metadata, directory = self.h.metadata.get(number), self.h.directories.get(number, f"{_FOREIGN}/chk-40")
        if number == _RESTORED_ID:
            metadata, directory = self.restored, f"{_FOREIGN}/chk-40"
        assert metadata is not None
        return {stored.path for stored in stored_bytes(metadata) if stored.path} | {f"{directory}/_metadata"}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_happens_nothing_is_lost_and_nothing_is_left(seed: int) -> None:
    walk = RandomWalk(seed)
    for _ in range(150):
        walk.step()
    if not walk.h.ended:
        walk.end_as(JobStatus.CANCELED)
    for _ in range(20):
        walk.step()
    while walk.h.keeping:
        walk.pointer()
    walk.keep_result()
    while walk.h.clean():
        pass
    while walk.zombies:
        walk.zombie_deletes()
    walk.check()
    if walk.result_is_kept and walk.settings.keeps_nothing(walk.h.graph.status):
        assert not any(path.startswith(f"{_OWN}/") for path in walk.h.files), "not even what others left"
