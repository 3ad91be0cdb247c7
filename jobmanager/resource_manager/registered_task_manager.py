"""A TaskManager that is registered at the ResourceManager: where it is and how to talk to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from millstream.common.ids import LeaderSessionId, ResourceId
from millstream.common.rpc.gateways import TaskExecutorGateway
from millstream.common.wire.cluster_pb2 import TaskManagerDescription
from millstream.jobmanager.heartbeat.heartbeat_sender import HeartbeatSender

__all__ = ["RegisteredTaskManager"]


@dataclass(slots=True)
class RegisteredTaskManager:
    """One TaskManager process.

    :ivar end_watch: ends the watch on its connection.
    :ivar last_heartbeat_ms: time of day of its last sign of life.
    :ivar description: what its process has; ``None``: it did not say.
    """

    resource_id: ResourceId
    session_id: LeaderSessionId
    address: str
    host: str
    pid: int
    gateway: TaskExecutorGateway
    heartbeat_gateway: TaskExecutorGateway
    heartbeats: HeartbeatSender
    end_watch: Callable[[], None]
    last_heartbeat_ms: int
    description: TaskManagerDescription | None

    def stop(self) -> None:
        """Have nothing more to do with it."""
        self.heartbeats.stop()
        self.end_watch()

    def __str__(self) -> str:
        return f"{self.resource_id} @ {self.host} (pid {self.pid})"
