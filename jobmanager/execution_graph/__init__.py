"""The execution graph: subtasks, attempts, their states and their wiring."""

from __future__ import annotations

from millstream.jobmanager.execution_graph.execution import Execution
from millstream.jobmanager.execution_graph.execution_graph import ExecutionGraph
from millstream.jobmanager.execution_graph.execution_job_vertex import ExecutionJobVertex
from millstream.jobmanager.execution_graph.execution_vertex import ExecutionVertex
from millstream.jobmanager.execution_graph.execution_vertex_id import ExecutionVertexID
from millstream.jobmanager.execution_graph.physical_slot import PhysicalSlot
from millstream.jobmanager.execution_graph.task_manager_location import TaskManagerLocation

__all__ = [
    "Execution",
    "ExecutionGraph",
    "ExecutionJobVertex",
    "ExecutionVertex",
    "ExecutionVertexID",
    "PhysicalSlot",
    "TaskManagerLocation",
]
