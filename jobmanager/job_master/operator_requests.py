"""Messages to the operators of a job: from readers to the enumerators of their sources, and from clients to any."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from millstream.common.errors import MillstreamError
from millstream.common.ids import AttemptId, VertexId
from millstream.common.states import ExecutionState
from millstream.common.wire import cluster_pb2 as pb
from millstream.jobmanager.background_tasks import BackgroundTasks
from millstream.jobmanager.execution_graph import ExecutionGraph, ExecutionVertex, ExecutionVertexID
from millstream.jobmanager.execution_graph.execution import Execution
from millstream.jobmanager.job_master.task_manager_connection import TaskManagerConnection

__all__ = ["OperatorRequests"]

logger = logging.getLogger(__name__)

# How long a request to an operator waits for its task to come up, within the caller's deadline.
_WAIT_SECONDS: Final = 3.0


class OperatorRequests:
    """Passes messages on to the tasks of one job.

    :param graph: of the job; read only.
    :param connection_of: returns the connection to the TaskManager that an execution is on, if there is one.
    :param tasks: run what nobody waits for.
    """

    def __init__(
        self,
        graph: ExecutionGraph,
        connection_of: Callable[[Execution], TaskManagerConnection | None],
        tasks: BackgroundTasks,
    ) -> None:
        self._graph = graph
        self._connection_of = connection_of
        self._tasks = tasks
        # Set and replaced at each step of the scheduler; whoever waits for a task's state waits for it.
        self._changed = asyncio.Event()

    def tasks_changed(self) -> None:
        """Tasks may have come into other states."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def request_split(self, request: pb.SplitRequest) -> None:
        """Pass a reader's request on to the enumerator of its source; it comes again if that does not run now."""
        reader = self._graph.vertex_of_attempt(request.attempt_id)
        for edge in () if reader is None else self._graph.inputs[reader.id.vertex_id]:
            job_vertex = self._graph.job_vertices[VertexId(edge.source_vertex)]
            execution = job_vertex.subtasks[0].current
            connection = self._connection_of(execution)
            if connection is not None:
                operator_id = job_vertex.job_vertex.operators[0].operator_id
                # Beside everything else: the enumerator's slot may be busy, and the reader's reports are waited for.
                self._tasks.spawn(
                    self._pass_on(connection, execution.attempt_id, operator_id, request), "a request for a split"
                )

    async def _pass_on(
        self, connection: TaskManagerConnection, attempt_id: AttemptId, operator_id: str, request: pb.SplitRequest
    ) -> None:
        try:
            await connection.operator_request(attempt_id, operator_id, request.SerializeToString())
        except MillstreamError as error:
            logger.debug("Job %s: the enumerator did not take a request for a split: %s", self._graph.job_id, error)

    async def request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes:
        """Send a message to one subtask of an operator and return the answer. A task that is about to run is waited for
        a little.

        :raises MillstreamError: there is no such operator or subtask, it does not run, or it did not answer.
        """
        vertex = self._find_operator(operator_id, subtask_index)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _WAIT_SECONDS
        while vertex.state not in (ExecutionState.INITIALIZING, ExecutionState.RUNNING):
            changed = self._changed
            try:
                if vertex.state is ExecutionState.FINISHED or self._graph.status.is_terminal():
                    raise asyncio.TimeoutError  # it will not run any more
                await asyncio.wait_for(changed.wait(), max(0.0, deadline - loop.time()))
            except asyncio.TimeoutError:
                raise MillstreamError(
                    f"{vertex.task_name} of job {self._graph.job_id} does not run (it is {vertex.state.name}, "
                    f"the job {self._graph.status.name}) and cannot take requests"
                ) from None
        connection = self._connection_of(vertex.current)
        if connection is None:
            raise MillstreamError(f"the TaskManager of {vertex.task_name} of job {self._graph.job_id} is gone")
        return await connection.operator_request(vertex.current.attempt_id, operator_id, payload)

    def _find_operator(self, operator_id: str, subtask_index: int) -> ExecutionVertex:
        for job_vertex in self._graph.job_vertices.values():
            if any(operator.operator_id == operator_id for operator in job_vertex.job_vertex.operators):
                if not 0 <= subtask_index < job_vertex.parallelism:
                    raise MillstreamError(
                        f"vertex {job_vertex.name!r} of job {self._graph.job_id} has no subtask {subtask_index}; "
                        f"its parallelism is {job_vertex.parallelism}"
                    )
                return self._graph.vertex(ExecutionVertexID(job_vertex.id, subtask_index))
        raise MillstreamError(f"job {self._graph.job_id} has no operator with the id {operator_id}")
