"""Commands to a TaskManager keep their order, and what does not arrive is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from millstream.common.errors import MillstreamError
from millstream.common.failure import FailureInfo
from millstream.common.ids import AllocationId, AttemptId, JobID, LeaderSessionId, ResourceId
from millstream.common.rpc.gateways import TaskExecutorGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.checkpoint_pb2 import CheckpointOptions
from millstream.common.wire.graph_pb2 import TaskDeployment
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.execution_graph import TaskManagerLocation
from millstream.jobmanager.heartbeat.heartbeat_sender import HeartbeatSettings
from millstream.jobmanager.job_master.task_manager_connection import TaskManagerConnection


class _TaskExecutor:
    """Notes what comes, slowly, and refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refused: set[str] = set()

    async def _note(self, call: str) -> pb.Empty:
        await asyncio.sleep(0.002 if call == "submit" else 0)
        self.calls.append(call)
        if call in self.refused:
            raise MillstreamError(f"{call} refused")
        return pb.Empty()

    async def submit_tasks(self, request: pb.SubmitTasksRequest) -> pb.Empty:
        return await self._note("submit")

    async def cancel_tasks(self, request: pb.CancelTasksRequest) -> pb.Empty:
        return await self._note("cancel")

    async def free_slot(self, request: pb.FreeSlotRequest) -> pb.Empty:
        return await self._note(f"free {request.allocation_id}")

    async def disconnect_job_master(self, request: pb.DisconnectJobMasterRequest) -> pb.Empty:
        return await self._note("goodbye")

    async def request_slot(self, request: pb.RequestSlotRequest) -> pb.Empty:
        raise NotImplementedError

    async def send_operator_request(self, request: pb.TaskOperatorRequest) -> pb.OperatorResponse:
        raise NotImplementedError

    async def request_task_metrics(self, request: pb.RequestTaskMetricsRequest) -> pb.HeartbeatResponse:
        raise NotImplementedError

    async def heartbeat_from_resource_manager(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        raise NotImplementedError

    async def heartbeat_from_job_master(self, request: pb.Heartbeat) -> pb.HeartbeatResponse:
        raise NotImplementedError

    async def trigger_task_checkpoint(self, request: pb.TriggerTaskCheckpointRequest) -> pb.Empty:
        return await self._note(f"trigger {request.checkpoint_id}")

    async def notify_checkpoint(self, request: pb.NotifyCheckpointRequest) -> pb.Empty:
        return await self._note(f"notify {request.checkpoint_id}")

    async def request_metric_dump(self, request: Any) -> Any:
        raise AssertionError("not asked for")

    async def list_log_files(self, request: Any) -> Any:
        raise AssertionError("not asked for")

    async def read_log_file(self, request: Any) -> Any:
        raise AssertionError("not asked for")

    async def request_thread_dump(self, request: Any) -> Any:
        raise AssertionError("not asked for")

    async def sample_stacks(self, request: Any) -> Any:
        raise AssertionError("not asked for")

    async def set_log_level(self, request: Any) -> Any:
        raise AssertionError("not asked for")

    async def profile_threads(self, request: Any) -> Any:
        raise AssertionError("not asked for")


class _World:
    def __init__(self) -> None:
        self.executor = _TaskExecutor()
        self.lost: list[str] = []
        self.failed: list[tuple[tuple[AttemptId, ...], FailureInfo]] = []
        self.declined: list[tuple[tuple[AttemptId, ...], int, FailureInfo]] = []


def _run(story: Callable[[_World, TaskManagerConnection], Awaitable[None]], *, serve: bool = True) -> _World:
    async def main() -> _World:
        world = _World()
        network = InProcessNetwork()
        here, there = network.service("jm"), network.service("tm")
        await here.start()
        await there.start()
        if serve:
            there.register(TaskExecutorGateway, "taskexecutor-tm", world.executor, LeaderSessionId("s"))  # type: ignore[type-abstract]  # names the service
        tasks = BackgroundTasks("test")
        connection = TaskManagerConnection(
            here,
            TaskManagerLocation(ResourceId("tm"), "host", 1),
            "tm",
            LeaderSessionId("s"),
            JobID("1" * 32),
            LeaderSessionId("jm"),
            known_allocations=list,
            on_heartbeat=lambda known, response: None,
            on_deployment_failed=lambda attempts, failure: world.failed.append((attempts, failure)),
            on_trigger_failed=lambda *declined: world.declined.append(declined),
            on_lost=world.lost.append,
            heartbeat=HeartbeatSettings(3600.0, 7200.0, 2),
        )
        connection.start(tasks)
        await asyncio.wait_for(story(world, connection), 10)
        connection.stop()
        connection.stop()
        await tasks.close()
        await here.close()
        await there.close()
        return world

    return asyncio.run(main())


def test_commands_arrive_in_order() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        connection.deploy([TaskDeployment(attempt_id="a")])
        connection.cancel([AttemptId("a")])
        connection.free([AllocationId("x"), AllocationId("y")], "done")
        connection.say_goodbye("done")
        await connection.drain()

    assert _run(story).executor.calls == ["submit", "cancel", "free x", "free y", "goodbye"]


def test_a_refused_deployment_is_told_with_its_attempts() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        world.executor.refused = {"submit"}
        connection.deploy([TaskDeployment(attempt_id="a"), TaskDeployment(attempt_id="b")])
        await connection.drain()

    world = _run(story)
    ((attempts, failure),) = world.failed
    assert attempts == ("a", "b")
    assert "could not be deployed to TaskManager tm @ host (pid 1): " in failure.message
    assert "submit refused" in failure.message
    assert world.lost == []


def test_an_endpoint_that_is_gone_is_a_lost_task_manager() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        connection.deploy([TaskDeployment(attempt_id="a")])
        await connection.drain()

    world = _run(story, serve=False)
    assert len(world.lost) == 1
    assert world.failed == []


def test_cancellation_is_tried_three_times() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        world.executor.refused = {"cancel"}
        connection.cancel([AttemptId("a")])
        await connection.drain()

    world = _run(story)
    assert world.executor.calls == ["cancel"] * 3
    assert len(world.lost) == 1
    assert "3 requests to cancel" in world.lost[0]


def test_checkpoints_keep_their_place_among_the_other_commands() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        connection.deploy([TaskDeployment(attempt_id="a")])
        connection.trigger_checkpoint([AttemptId("a")], 1, CheckpointOptions())
        connection.notify_checkpoint([AttemptId("a")], 1, completed=True)
        connection.cancel([AttemptId("a")])
        await connection.drain()

    assert _run(story).executor.calls == ["submit", "trigger 1", "notify 1", "cancel"]


def test_a_trigger_that_is_refused_is_told_with_its_attempts() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        world.executor.refused = {"trigger 3"}
        connection.trigger_checkpoint([AttemptId("a"), AttemptId("b")], 3, CheckpointOptions())
        await connection.drain()

    world = _run(story)
    ((attempts, checkpoint_id, failure),) = world.declined
    assert attempts == ("a", "b")
    assert checkpoint_id == 3
    assert "checkpoint 3 could not be triggered at TaskManager tm @ host (pid 1): " in failure.message
    assert world.lost == []


def test_a_notice_is_tried_three_times() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        world.executor.refused = {"notify 3"}
        connection.notify_checkpoint([AttemptId("a")], 3, completed=True)
        await connection.drain()

    world = _run(story)
    assert world.executor.calls == ["notify 3"] * 3
    assert "3 requests to take notice of a checkpoint" in world.lost[0]


def test_what_was_not_sent_is_dropped_at_the_end() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        connection.deploy([TaskDeployment(attempt_id="a")])
        connection.cancel([AttemptId("a")])
        connection.stop()
        await connection.drain()

    assert _run(story).executor.calls == []


def test_what_is_said_after_the_end_is_dropped_too() -> None:
    async def story(world: _World, connection: TaskManagerConnection) -> None:
        connection.stop()
        connection.trigger_checkpoint([AttemptId("a1")], 1, CheckpointOptions())
        connection.say_goodbye("it is over")
        await asyncio.sleep(0.01)

    # A coroutine that nobody awaits would be a warning, which is an error here.
    assert not _run(story).executor.calls
