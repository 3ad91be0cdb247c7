"""Drives a checkpoint coordinator as a JobMaster's shell would, with a file system, tasks and timers that are models.

On the way it checks what must hold after each event, whatever the order of events: above all that all files are there
that a later leader of the job would go on from.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from millstream.common.checkpoint.state_paths import stored_bytes, with_absolute_paths
from millstream.common.failure import USER_CODE, FailureInfo, engine_failure
from millstream.common.ids import AllocationId, AttemptId, IdFactory, ResourceId
from millstream.common.states import ExecutionState, JobStatus
from millstream.common.wire.checkpoint_pb2 import (
    CheckpointMetadata,
    KeyedStateHandle,
    NamedFile,
    OperatorStateHandle,
    OperatorSubtaskState,
    StateBytes,
    SubtaskCheckpointMetrics,
    TaskSnapshot,
)
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.jobmanager.checkpoint.actions import (
    CancelJob,
    CancelTimer,
    CheckpointAction,
    CompleteRequest,
    DeleteDirectory,
    DeleteEmptyDirectories,
    DeleteFiles,
    DeleteJobDirectory,
    DeleteLeftCheckpoints,
    FailJob,
    KeepPointer,
    NotifyTasks,
    PrepareLocation,
    RemovePointer,
    SetTimer,
    TimerKind,
    TriggerTasks,
    WriteMetadata,
)
from millstream.jobmanager.checkpoint.coordinator import CheckpointCoordinator
from millstream.jobmanager.checkpoint.events import (
    Acknowledged,
    CheckpointEvent,
    CheckpointsRecovered,
    Declined,
    EndOfDataReported,
    JobEnded,
    LocationFailed,
    LocationPrepared,
    MetadataFailed,
    MetadataWritten,
    PointerKept,
    PointerNotKept,
    PointerRemoved,
    RecoveredCheckpoint,
    ResultKept,
    TasksChanged,
    TimerFired,
)
from millstream.jobmanager.checkpoint.settings import CheckpointSettings
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertex, PhysicalSlot, TaskManagerLocation
from tests.unit.jobmanager.job_graphs import execution_graph, job_graph, vertex

__all__ = ["BASE", "CoordinatorHarness", "boom", "pipeline"]

BASE = "file:///checkpoints"
_E = ExecutionState

Cleanup: TypeAlias = (
    RemovePointer | DeleteFiles | DeleteDirectory | DeleteEmptyDirectories | DeleteLeftCheckpoints | DeleteJobDirectory
)


def boom(message: str = "boom") -> FailureInfo:
    """Return a failure in user code."""
    return engine_failure(USER_CODE, message, exception_type="ValueError")


def pipeline(parallelism: int = 2, **configuration: str) -> JobGraph:
    """Return source -> map -> sink, all of them joined all to all, the sink with one subtask."""
    vertices = [vertex("source", parallelism), vertex("map", parallelism), vertex("sink", 1)]
    return job_graph(vertices, [("source", "map", "HASH"), ("map", "sink", "HASH")], configuration)


class CoordinatorHarness:
    """A coordinator, the world as its actions have shaped it, and the time.

    :ivar files: all files that are there, by URI.
    :ivar locations: directories that are being made, by checkpoint id.
    :ivar writes: metadata that is being written.
    :ivar keeping: pointers that are being kept, in order; nobody was told yet what became of them.
    :ivar pointers: what a later leader would find now, with its metadata.
    :ivar cleanup: what is to be removed and deleted, in order.
    :ivar patient: a test says when pointers are kept and things are deleted; if not, that happens at once.
    :ivar triggered: checkpoint id -> attempts that were told to begin it.
    :ivar notices: (attempt, checkpoint id, completed), in order.
    :ivar completed: checkpoints whose completion the coordinator has acted on.
    :ivar timers: running timers with the time at which each fires.
    :ivar answers: by request id.
    """

    def __init__(self, graph: JobGraph | None = None, settings: CheckpointSettings | None = None) -> None:
        self.graph = execution_graph(graph if graph is not None else pipeline())
        self.settings = settings if settings is not None else CheckpointSettings(interval_ms=1000, directory=BASE)
        self.coordinator = CheckpointCoordinator(self.graph, self.settings, "0.0-test")
        self.now = 1_000_000
        self.files: set[str] = set()
        self.deleted: set[str] = set()
        self.locations: dict[int, PrepareLocation] = {}
        self.directories: dict[int, str] = {}
        self.options: dict[int, TriggerTasks] = {}
        self.writes: dict[int, WriteMetadata] = {}
        self.metadata: dict[int, CheckpointMetadata] = {}
        self.keeping: dict[int, KeepPointer] = {}
        self.pointers: dict[int, RecoveredCheckpoint] = {}
        self.cleanup: deque[Cleanup] = deque()
        self.patient = False
        self.triggered: dict[int, list[AttemptId]] = {}
        self.notices: list[tuple[AttemptId, int, bool]] = []
        self.timers: dict[tuple[TimerKind, int], int] = {}
        self.answers: dict[str, CompleteRequest] = {}
        self.completed: dict[int, CheckpointMetadata] = {}
        self.failures: list[FailureInfo] = []
        self.cancelled = False
        self.emptied: list[str] = []
        self.ended = False
        self._file_number = 0

    # ------------------------------------------------------------------ the job

    def run(self) -> None:
        """Let the job and all its tasks run."""
        self.graph.transition(JobStatus.RUNNING, self.now)
        self.deploy(self.graph.vertices())
        self.to_running(self.graph.vertices())

    def deploy(self, vertices: Iterable[ExecutionVertex]) -> None:
        """Give subtasks slots and deploy them; subtask i of each runs on TaskManager i."""
        for one in vertices:
            index = one.id.subtask_index
            location = TaskManagerLocation(ResourceId(f"tm{index}"), "host", 1)
            one.current.slot = PhysicalSlot(AllocationId(f"slot{index}"), 0, location, "127.0.0.1", 4000)
            one.current.transition(_E.SCHEDULED, self.now)
            one.current.transition(_E.DEPLOYING, self.now)
        self.send(TasksChanged())

    def to_running(self, vertices: Iterable[ExecutionVertex]) -> None:
        for one in vertices:
            one.current.transition(_E.RUNNING, self.now)
            self.send(TasksChanged())

    def finish(self, *vertices: ExecutionVertex) -> None:
        """Let subtasks finish."""
        for one in vertices:
            one.current.transition(_E.FINISHED, self.now)
            self.send(TasksChanged())

    def fail(self, one: ExecutionVertex) -> None:
        """Let a task fail, and cancel all others."""
        one.current.transition(_E.FAILED, self.now)
        self.graph.transition(JobStatus.RESTARTING, self.now)
        for other in self.graph.vertices():
            if other.current.is_deployed():
                other.current.transition(_E.CANCELING, self.now)
        self.send(TasksChanged())

    def restart(self) -> None:
        """Begin anew with all tasks, after a failure."""
        for one in self.graph.vertices():
            if one.state is _E.CANCELING:
                one.current.transition(_E.CANCELED, self.now)
            self.graph.reset_vertex(one.id, self.now)
        self.graph.restarts += 1
        self.graph.transition(JobStatus.RUNNING, self.now)
        self.deploy(self.graph.vertices())
        self.to_running(self.graph.vertices())

    def end(self, status: JobStatus) -> list[CheckpointAction]:
        """End the job."""
        if status is JobStatus.FINISHED:
            for one in self.graph.vertices():
                if one.state is not _E.FINISHED:
                    one.current.transition(_E.FINISHED, self.now)
        elif status is JobStatus.CANCELED:
            self.graph.transition(JobStatus.CANCELLING, self.now)
        elif status is JobStatus.FAILED:
            self.graph.transition(JobStatus.FAILING, self.now)
        self.graph.transition(status, self.now)
        return self.end_status(status)

    def end_status(self, status: JobStatus) -> list[CheckpointAction]:
        """Report the end of a job whose graph is in that status already, and that its result is kept."""
        self.send(TasksChanged())
        self.ended = True
        actions = self.send(JobEnded(status))
        return actions if self.patient else actions + self.send(ResultKept())

    def task(self, name: str, subtask: int = 0) -> ExecutionVertex:
        """Return a subtask."""
        return next(one for one in self.graph.job_vertices.values() if one.name == name).subtasks[subtask]

    def attempt(self, name: str, subtask: int = 0) -> AttemptId:
        """Return its current attempt."""
        return self.task(name, subtask).current.attempt_id

    def running(self) -> list[AttemptId]:
        """Return all attempts that run."""
        return [one.current.attempt_id for one in self.graph.vertices() if one.state is _E.RUNNING]

    # ------------------------------------------------------------------ what the shell and the tasks do

    def pass_time(self, ms: int) -> None:
        """Let time pass; timers fire at their times."""
        until = self.now + ms
        while due := [key for key, at in self.timers.items() if at <= until]:
            key = min(due, key=lambda one: (self.timers[one], one[0].value, one[1]))
            self.now = max(self.now, self.timers.pop(key))
            self.send(TimerFired(*key))
        self.now = until

    def prepare(self, checkpoint_id: int | None = None) -> int:
        """Make the directory of a checkpoint (the newest that waits for it); return its id."""
        number = max(self.locations) if checkpoint_id is None else checkpoint_id
        action = self.locations.pop(number)
        base = action.base_directory
        self.directories[number] = (
            f"{base}/savepoint-{number}" if action.savepoint else f"{base}/{self.graph.job_id}/chk-{number}"
        )
        shared = "" if action.savepoint else f"{base}/{self.graph.job_id}/shared"
        self.send(LocationPrepared(number, self.directories[number], shared))
        return number

    def snapshot(
        self, attempt: AttemptId, checkpoint_id: int, shared: Iterable[str] = (), finished: bool = False
    ) -> TaskSnapshot:
        """Write a file for a task's part of a checkpoint (relative path), and refer to shared ones as well."""
        self._file_number += 1
        one = self.graph.vertex_of_attempt(attempt)
        operator = one.id.vertex_id if one is not None else "0" * 32
        directory = self.directories.get(checkpoint_id, "")
        stored = StateBytes(inline=b"abc", size=3)
        if directory:
            name = f"file-{self._file_number}"
            self.files.add(f"{directory}/{name}")
            stored = StateBytes(path=name, size=10)
        state = OperatorSubtaskState(
            operator=[OperatorStateHandle(name="list", mode="SPLIT", bytes=stored, offsets=[0], lengths=[1])]
        )
        files = [NamedFile(name=path, bytes=StateBytes(path=path, size=100), shared=True) for path in shared]
        if files:
            state.keyed.append(KeyedStateHandle(first_key_group=0, last_key_group=127, format="rocksdb", files=files))
        return TaskSnapshot(operators={operator: state}, finished=finished)

    def new_shared_file(self) -> str:
        """Write a file that checkpoints may share; return its URI."""
        self._file_number += 1
        path = f"{self.settings.directory}/{self.graph.job_id}/shared/file-{self._file_number}"
        self.files.add(path)
        return path

    def acknowledge(
        self, attempt: AttemptId, checkpoint_id: int, shared: Iterable[str] = (), finished: bool = False
    ) -> Acknowledged:
        """Let a task acknowledge; return the event."""
        snapshot = self.snapshot(attempt, checkpoint_id, shared, finished)
        event = Acknowledged(attempt, checkpoint_id, snapshot, SubtaskCheckpointMetrics(checkpointed_size=10))
        self.send(event)
        return event

    def acknowledge_all(self, checkpoint_id: int, finished: bool = False) -> None:
        """Let all running tasks acknowledge."""
        for attempt in self.running():
            self.acknowledge(attempt, checkpoint_id, finished=finished)

    def write(self, checkpoint_id: int | None = None) -> None:
        """Write the metadata of a checkpoint (the newest that waits for it)."""
        number = max(self.writes) if checkpoint_id is None else checkpoint_id
        action = self.writes.pop(number)
        self.files.add(f"{action.directory}/_metadata")
        self.metadata[number] = action.metadata
        pending = number in self.coordinator.pending_ids
        self.send(MetadataWritten(number))
        if pending and number not in self.keeping:
            self.completed[number] = action.metadata
        elif pending and not self.patient:
            self.keep()

    def lands(self) -> None:
        """Let the next pointer be kept, of which the coordinator hears nothing yet."""
        number, action = next(iter(self.keeping.items()))
        if number not in self.pointers:
            assert f"{action.directory}/_metadata" in self.files
            self.pointers[number] = RecoveredCheckpoint(self.metadata[number], action.directory, action.owned)

    def keep(self) -> int:
        """Keep the next pointer and say so; return the id of its checkpoint."""
        self.lands()
        number = next(iter(self.keeping))
        del self.keeping[number]
        if number in self.coordinator.pending_ids:
            self.completed[number] = self.metadata[number]
        self.send(PointerKept(number))
        return number

    def keep_fails(self) -> None:
        """Do not keep the next pointer, and say so."""
        number = next(number for number in self.keeping)
        assert number not in self.pointers
        del self.keeping[number]
        self.send(PointerNotKept(number, boom("no room")))

    def clean(self) -> bool:
        """Remove or delete the next thing. Returns whether that was possible."""
        if not self.cleanup:
            return False
        action = self.cleanup[0]
        if isinstance(action, RemovePointer):
            if action.checkpoint_id in self.keeping:
                return False  # that comes first
            self.cleanup.popleft()
            self.pointers.pop(action.checkpoint_id, None)
            self.send(PointerRemoved(action.checkpoint_id))
        else:
            self.delete(self.cleanup.popleft())
        return True

    def delete(self, action: Cleanup) -> None:
        """Delete what an action wants deleted."""
        match action:
            case DeleteFiles():
                for path in action.paths:
                    assert path not in self.deleted, f"{path} is deleted twice"
                    self.deleted.add(path)
                    self.files.discard(path)
            case DeleteDirectory():
                self.files = {path for path in self.files if not path.startswith(action.directory + "/")}
            case DeleteEmptyDirectories():
                self.emptied.append(action.directory)
            case DeleteLeftCheckpoints():
                self._delete_checkpoints(action.directory, action.before, action.kept)
            case DeleteJobDirectory():
                self._delete_checkpoints(action.directory, action.before)
                inside = f"{action.directory}/"
                left = {path for path in self.files if path.startswith(inside)}
                if all(path.startswith(f"{inside}shared/") for path in left):
                    self.files -= left
        self.check()

    def _delete_checkpoints(self, directory: str, before: int, kept: Iterable[int] = ()) -> None:
        for number in set(range(1, before)).difference(kept):
            self.files = {path for path in self.files if not path.startswith(f"{directory}/chk-{number}/")}

    def take_over(self, next_id: int) -> None:
        """Let another leader go on with the job: it finds the pointers, and no task runs."""
        self.graph = ExecutionGraph(self.graph.job_graph, IdFactory(random.Random(next_id + self.now)), 16, 0)
        self.coordinator = CheckpointCoordinator(self.graph, self.settings, "0.0-test")
        self.timers.clear()
        for forgotten in (self.locations, self.writes, self.keeping, self.cleanup):
            forgotten.clear()
        self.ended = self.cancelled = False
        self.failures.clear()
        self.send(CheckpointsRecovered(tuple(self.pointers[number] for number in sorted(self.pointers)), next_id))

    def checkpoint(self, finished: bool = False) -> int:
        """Wait for a periodic checkpoint and let it become complete; return its id."""
        if not self.locations:
            self.pass_time(self.timers[(TimerKind.TRIGGER, 0)] - self.now)
        return self.complete(finished)

    def complete(self, finished: bool = False) -> int:
        """Let the checkpoint whose directory is being made become complete; return its id."""
        number = self.prepare()
        self.acknowledge_all(number, finished)
        self.write(number)
        return number

    def decline(self, attempt: AttemptId, checkpoint_id: int, message: str = "boom") -> None:
        self.send(Declined(attempt, checkpoint_id, boom(message)))

    def end_of_data(self, *attempts: AttemptId) -> None:
        for attempt in attempts:
            self.send(EndOfDataReported(attempt))

    def location_fails(self, checkpoint_id: int) -> None:
        del self.locations[checkpoint_id]
        self.send(LocationFailed(checkpoint_id, boom("no room")))

    def write_fails(self, checkpoint_id: int) -> None:
        action = self.writes.pop(checkpoint_id)
        self.files.add(f"{action.directory}/_metadata")
        self.send(MetadataFailed(checkpoint_id, boom("no room")))

    # ------------------------------------------------------------------ events and actions

    def send(self, event: CheckpointEvent) -> list[CheckpointAction]:
        """Give the coordinator an event and take note of what it wants."""
        actions = self.coordinator.handle(event, self.now)
        for action in actions:
            self._note(action)
        while not self.patient and self.clean():
            pass
        self.check()
        return actions

    def _note(self, action: CheckpointAction) -> None:
        match action:
            case SetTimer():
                assert action.delay_ms >= 0
                self.timers[(action.kind, action.checkpoint_id)] = self.now + action.delay_ms
            case CancelTimer():
                self.timers.pop((action.kind, action.checkpoint_id), None)
            case PrepareLocation():
                assert action.checkpoint_id > max([*self.directories, *self.locations], default=0), "ids must grow"
                self.locations[action.checkpoint_id] = action
            case TriggerTasks():
                self.options[action.checkpoint_id] = action
                told = self.triggered.setdefault(action.checkpoint_id, [])
                for attempt in action.attempt_ids:
                    one = self.graph.vertex_of_attempt(attempt)
                    assert one is not None
                    assert one.state is _E.RUNNING
                    assert one.current.slot is not None
                    assert one.current.slot.task_manager.resource_id == action.resource_id
                    assert attempt not in told, "told twice"
                told.extend(action.attempt_ids)
            case NotifyTasks():
                number = action.checkpoint_id
                assert not action.completed or number not in self.directories or number in self.pointers
                for attempt in action.attempt_ids:
                    self.notices.append((attempt, action.checkpoint_id, action.completed))
            case WriteMetadata():
                self.writes[action.checkpoint_id] = action
            case KeepPointer():
                assert action.checkpoint_id not in {*self.pointers, *self.keeping}, "kept twice"
                self.keeping[action.checkpoint_id] = action
            case (
                RemovePointer()
                | DeleteFiles()
                | DeleteDirectory()
                | DeleteEmptyDirectories()
                | DeleteLeftCheckpoints()
                | DeleteJobDirectory()
            ):
                self.cleanup.append(action)
            case FailJob():
                self.failures.append(action.failure)
            case CancelJob():
                self.cancelled = True
            case CompleteRequest():
                assert action.request_id not in self.answers, "answered twice"
                self.answers[action.request_id] = action

    def check(self) -> None:
        """What must hold at any time."""
        pending = self.coordinator.pending_ids
        assert pending == sorted(pending)
        assert {number for kind, number in self.timers if kind is TimerKind.TIMEOUT} <= set(pending)
        latest = self.coordinator.latest_completed
        needed = {} if latest is None else {latest.id: latest.metadata}
        for number, pointer in self.pointers.items():
            needed[number] = with_absolute_paths(pointer.metadata, pointer.directory)
        for number, metadata in needed.items():
            for stored in stored_bytes(metadata):
                assert not stored.path or stored.path in self.files, f"{stored.path} of {number} is gone"
        if self.ended:
            assert not self.timers
            assert not pending
