"""What holds whatever happens, in whatever order: hypothesis plays the tasks, the shell, the users and the faults."""

from __future__ import annotations

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from millstream.common.ids import AttemptId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import CheckpointMetadata, SubtaskCheckpointMetrics, TaskSnapshot
from millstream.jobmanager.checkpoint.actions import TimerKind
from millstream.jobmanager.checkpoint.events import (
    Acknowledged,
    CheckpointRequested,
    CheckpointRestored,
    ClaimMode,
    SavepointMode,
    SavepointRequested,
)
from millstream.jobmanager.checkpoint.settings import CheckpointSettings, Retention
from millstream.jobmanager.checkpoint.state_paths import (
    absolute_path,
    map_paths,
    states_of_metadata,
    states_of_snapshot,
)
from millstream.jobmanager.execution_graph import ExecutionVertex
from tests.unit.jobmanager.checkpoint.coordinator_harness import BASE, CoordinatorHarness, pipeline
from tests.unit.jobmanager.checkpoint.snapshots import keyed

_E = ExecutionState
_RESTORED_ID = 40
_FOREIGN = "file:///foreign/job"


class Checkpointing(RuleBasedStateMachine):
    """A job under random treatment.

    :ivar base: attempt -> the shared files of the checkpoint that it builds on: the last that it was told of.
    :ivar heard: how many of the notices have reached their tasks.
    :ivar part: (attempt, checkpoint id) of what was acknowledged or declined.
    """

    def __init__(self) -> None:
        super().__init__()
        self.h = CoordinatorHarness()
        self.base: dict[AttemptId, list[str]] = {}
        self.heard = 0
        self.part: dict[tuple[AttemptId, int], Acknowledged | None] = {}
        self.taken: dict[int, dict[AttemptId, set[str]]] = {}
        self.kept: list[int] = []
        self.savepoints: list[int] = []
        self.foreign: set[str] = set()
        self.restored: CheckpointMetadata | None = None
        self.owns_restored = False
        self.ended_data: set[AttemptId] = set()
        self.may_finish: set[AttemptId] = set()
        self.requests = 0
        self.latest = 0
        self.stopping = False

    @initialize(
        max_concurrent=st.integers(1, 3),
        num_retained=st.integers(1, 3),
        min_pause=st.sampled_from([0, 300]),
        retention=st.sampled_from(list(Retention)),
        tolerable=st.sampled_from([0, 2, 1000]),
        incremental=st.booleans(),
        claim=st.sampled_from([None, ClaimMode.CLAIM, ClaimMode.NO_CLAIM]),
    )
    def begin(
        self,
        max_concurrent: int,
        num_retained: int,
        min_pause: int,
        retention: Retention,
        tolerable: int,
        incremental: bool,
        claim: ClaimMode | None,
    ) -> None:
        self.settings = CheckpointSettings(
            interval_ms=1000,
            timeout_ms=3000,
            min_pause_ms=min_pause,
            max_concurrent=max_concurrent,
            tolerable_failures=tolerable,
            retention=retention,
            num_retained=num_retained,
            incremental=incremental,
            directory=BASE,
            savepoint_directory="file:///savepoints",
        )
        self.h = CoordinatorHarness(pipeline(), self.settings)
        if claim is not None:
            self._restore(claim)
        self.h.run()
        self._deployed()

    def _restore(self, claim: ClaimMode) -> None:
        h = self.h
        metadata = CheckpointMetadata(checkpoint_id=_RESTORED_ID, kind="CHECKPOINT", job_id="f" * 32)
        for job_vertex in h.graph.job_vertices.values():
            state = metadata.operators.add(
                operator_id=job_vertex.id, name=job_vertex.name, parallelism=job_vertex.parallelism, max_parallelism=128
            )
            for index in range(job_vertex.parallelism):
                handle = keyed(128, job_vertex.parallelism, index, f"own-{job_vertex.name}-{index}")
                path = f"../shared/{job_vertex.name}-{index}"
                named = handle.files.add(name="f", shared=True)
                named.bytes.path, named.bytes.size = path, 5
                state.subtasks[index].keyed.append(handle)
        self.restored = CheckpointMetadata()
        self.restored.CopyFrom(metadata)
        map_paths(states_of_metadata(self.restored), lambda path: absolute_path(path, f"{_FOREIGN}/chk-40"))
        h.files |= {stored.path for stored, _ in states_of_metadata(self.restored)}
        h.files.add(f"{_FOREIGN}/chk-40/_metadata")
        self.owns_restored = claim is ClaimMode.CLAIM
        if not self.owns_restored:
            self.foreign = set(h.files)
        self.kept = [_RESTORED_ID]
        self.latest = _RESTORED_ID
        h.send(CheckpointRestored(metadata, f"{_FOREIGN}/chk-40", claim))

    def _deployed(self) -> None:
        """New attempts begin from the latest complete checkpoint, and from no other."""
        for one in self.h.graph.vertices():
            restore = self.h.coordinator.restore_of(one.id)
            assert (0 if restore is None else restore.checkpoint_id) == self.latest
            shared: list[str] = []
            if restore is not None:
                snapshot = TaskSnapshot(operators=restore.operators)
                shared = [stored.path for stored, is_shared in states_of_snapshot(snapshot) if is_shared]
                assert {stored.path for stored, _ in states_of_snapshot(snapshot) if stored.path} <= self.h.files
            self.base[one.current.attempt_id] = shared

    # ------------------------------------------------------------------ what there is to choose from

    def active(self) -> bool:
        return not self.h.ended and self.h.graph.status is JobStatus.RUNNING

    def candidates(self) -> list[tuple[AttemptId, int]]:
        """Attempts, old ones too, that could still acknowledge or decline a checkpoint."""
        return [
            (attempt, number)
            for number in sorted(self.taken)
            for attempt in self.base
            if (attempt, number) not in self.part
        ]

    def members(self) -> list[ExecutionVertex]:
        return list(self.h.graph.vertices())

    # ------------------------------------------------------------------ the shell

    @rule(ms=st.sampled_from([1, 300, 1000, 2500]))
    def time_passes(self, ms: int) -> None:
        self.h.pass_time(ms)

    @precondition(lambda self: self.h.locations)
    @rule(data=st.data(), fails=st.sampled_from([False, False, False, True]))
    def location(self, data: st.DataObject, fails: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.h.locations)))
        if fails:
            self.h.location_fails(number)
        else:
            self.h.prepare(number)
            if number in self.h.triggered:
                self.taken[number] = {}

    @precondition(lambda self: self.h.writes)
    @rule(data=st.data(), fails=st.sampled_from([False, False, False, True]))
    def metadata(self, data: st.DataObject, fails: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.h.writes)))
        if fails:
            self.h.write_fails(number)
            return
        pending = number in self.h.coordinator.pending_ids
        kind = self.h.writes[number].metadata.kind
        self.h.write(number)
        if not pending:
            return
        self._completed(number, kind)

    def _completed(self, number: int, kind: str) -> None:
        if kind != "CHECKPOINT":
            self.savepoints.append(number)
        if kind == "SAVEPOINT":
            return
        assert number > self.latest or kind != "CHECKPOINT"
        self.latest = number
        owned = [one for one in self.kept if one != _RESTORED_ID or self.owns_restored]
        if kind == "CHECKPOINT":
            self.kept = [*owned, number][-self.settings.num_retained :]
        else:
            self.kept = owned

    @rule(count=st.integers(1, 10))
    def notices_arrive(self, count: int) -> None:
        """Tasks hear of checkpoints late, and build on those that they have heard of."""
        for attempt, number, completed in self.h.notices[self.heard : self.heard + count]:
            if completed and number in self.h.completed and attempt in self.base:
                event = self.part.get((attempt, number))
                if event is not None:
                    states = states_of_snapshot(event.snapshot)
                    self.base[attempt] = [stored.path for stored, shared in states if shared]
                    if event.snapshot.finished:
                        self.may_finish.add(attempt)
        self.heard += count

    # ------------------------------------------------------------------ the tasks

    @precondition(lambda self: self.candidates())
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        attempt, number = data.draw(st.sampled_from(self.candidates()))
        self._acknowledge(attempt, number, data.draw(st.integers(0, 2)))

    @precondition(lambda self: self.h.coordinator.pending_ids)
    @rule()
    def all_acknowledge(self) -> None:
        number = self.h.coordinator.pending_ids[0]
        for attempt, candidate in self.candidates():
            if candidate == number and attempt in self.h.running():
                self._acknowledge(attempt, number, 1)

    def _acknowledge(self, attempt: AttemptId, number: int, new_files: int) -> None:
        options = self.h.options[number].options
        shared: list[str] = []
        if options.shared_directory:
            shared = [] if options.full else self.base[attempt][:3]
            shared += [self.h.new_shared_file() for _ in range(new_files)]
        finished = attempt in self.ended_data and options.kind != "STOP"
        self.part[(attempt, number)] = None
        event = self.h.acknowledge(attempt, number, shared, finished)
        self.part[(attempt, number)] = event

    @precondition(lambda self: any(event is not None for event in self.part.values()))
    @rule(data=st.data())
    def acknowledge_again(self, data: st.DataObject) -> None:
        events = [event for event in self.part.values() if event is not None]
        event = data.draw(st.sampled_from(events[-12:]))
        self.h.send(Acknowledged(event.attempt_id, event.checkpoint_id, event.snapshot, SubtaskCheckpointMetrics()))

    @precondition(lambda self: self.candidates())
    @rule(data=st.data())
    def decline(self, data: st.DataObject) -> None:
        attempt, number = data.draw(st.sampled_from(self.candidates()))
        self.part[(attempt, number)] = None
        self.h.decline(attempt, number)

    @precondition(lambda self: self.active())
    @rule(data=st.data())
    def end_of_data(self, data: st.DataObject) -> None:
        """Input ends from the sources on: a task's ends when that of all its producers has."""
        ready = []
        for name, producers in (("source", ""), ("map", "source"), ("sink", "map")):
            before = [one for one in self.members() if producers and one.task_name.startswith(producers)]
            if all(one.state is _E.FINISHED or one.current.attempt_id in self.ended_data for one in before):
                ready += [
                    one.current.attempt_id
                    for one in self.members()
                    if one.task_name.startswith(name) and one.state is _E.RUNNING
                ]
        ready = [one for one in ready if one not in self.ended_data]
        for attempt in ready if data.draw(st.booleans()) else ready[:1]:
            self.ended_data.add(attempt)
            self.h.end_of_data(attempt)

    @precondition(lambda self: self.active() and any(one in self.may_finish for one in self.h.running()))
    @rule()
    def finish(self) -> None:
        for one in self.members():
            if one.state is _E.RUNNING and one.current.attempt_id in self.may_finish:
                self.h.finish(one)
                if data_ended(self.members()):
                    return
                break

    @precondition(lambda self: self.active() and self.h.running())
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        running = [one for one in self.members() if one.state is _E.RUNNING]
        self.h.fail(data.draw(st.sampled_from(running)))

    @precondition(lambda self: self.h.graph.status is JobStatus.RESTARTING and not self.h.ended)
    @rule()
    def restart(self) -> None:
        self.h.restart()
        self._deployed()
        self.ended_data = set()

    # ------------------------------------------------------------------ the users

    @rule(full=st.booleans())
    def request_checkpoint(self, full: bool) -> None:
        self.requests += 1
        self.h.send(CheckpointRequested(f"r{self.requests}", full))

    @rule(mode=st.sampled_from(list(SavepointMode)))
    def request_savepoint(self, mode: SavepointMode) -> None:
        self.requests += 1
        self.h.send(SavepointRequested(f"r{self.requests}", mode=mode))

    @precondition(lambda self: not self.h.ended)
    @rule(status=st.sampled_from([JobStatus.CANCELED, JobStatus.FAILED, JobStatus.SUSPENDED]), really=st.integers(0, 9))
    def end(self, status: JobStatus, really: int) -> None:
        if really:
            return
        if status is JobStatus.FAILED and self.h.graph.status is JobStatus.FAILING:
            return
        self.h.end(status)
        retention = self.settings.retention
        gone = retention is Retention.NO_EXTERNALIZED_CHECKPOINTS or (
            retention is Retention.DELETE_ON_CANCELLATION and status is JobStatus.CANCELED
        )
        if gone and status is not JobStatus.SUSPENDED:
            self.kept = []

    # ------------------------------------------------------------------ what holds

    @invariant()
    def exactly_what_is_needed_is_there(self) -> None:
        """Nothing is orphaned, nothing is missing."""
        h = self.h
        needed = set(self.foreign)
        for number in [*self.kept, *self.savepoints]:
            owned_restore = number == _RESTORED_ID and self.restored is not None
            metadata = self.restored if owned_restore and self.restored is not None else h.completed[number]
            needed |= {stored.path for stored, _ in states_of_metadata(metadata) if stored.path}
            directory = f"{_FOREIGN}/chk-40" if owned_restore else h.directories[number]
            needed.add(f"{directory}/_metadata")
        for (_, number), event in self.part.items():
            if event is not None and number in h.coordinator.pending_ids:
                for stored, _ in states_of_snapshot(event.snapshot):
                    needed.add(absolute_path(stored.path, h.directories[number]))
        assert h.files == needed

    @invariant()
    def no_more_than_allowed_are_under_way(self) -> None:
        pending = self.h.coordinator.statistics()
        assert pending.in_progress == len(self.h.coordinator.pending_ids)
        regular = [one for one in pending.history if one.status == "IN_PROGRESS" and one.kind == "CHECKPOINT"]
        assert len(regular) <= self.settings.max_concurrent if hasattr(self, "settings") else True

    @invariant()
    def every_pending_one_is_timed(self) -> None:
        timed = {number for kind, number in self.h.timers if kind is TimerKind.TIMEOUT}
        assert timed == set(self.h.coordinator.pending_ids)

    @invariant()
    def the_latest_complete_one_is_restored(self) -> None:
        if not self.h.ended:
            latest = self.h.coordinator.latest_completed
            assert (0 if latest is None else latest.id) == self.latest

    @invariant()
    def nobody_is_forgotten(self) -> None:
        if self.h.ended:
            assert len(self.h.answers) == self.requests
            assert self.h.timers == {}

    def teardown(self) -> None:
        if hasattr(self, "settings") and not self.h.ended:
            self.end(JobStatus.CANCELED, 0)
            self.exactly_what_is_needed_is_there()
            self.nobody_is_forgotten()


def data_ended(members: list[ExecutionVertex]) -> bool:
    """Whether all have finished."""
    return all(one.state is _E.FINISHED for one in members)


TestCheckpointing = Checkpointing.TestCase
TestCheckpointing.settings = hypothesis_settings(max_examples=60, stateful_step_count=60, deadline=None)
