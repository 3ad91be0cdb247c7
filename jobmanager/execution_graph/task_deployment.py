"""Builds what a TaskManager needs to run one subtask: the vertex and where its inputs and outputs are."""

from __future__ import annotations

from millstream.common.ids import VertexId
from millstream.common.wire.checkpoint_pb2 import TaskRestore
from millstream.common.wire.graph_pb2 import (
    InputChannelDeployment,
    InputGateDeployment,
    JobEdge,
    ResultPartitionDeployment,
    TaskDeployment,
)
from millstream.jobmanager.execution_graph.execution_graph import ExecutionGraph
from millstream.jobmanager.execution_graph.execution_vertex import ExecutionVertex
from millstream.jobmanager.execution_graph.physical_slot import PhysicalSlot

__all__ = ["build_task_deployment"]


def build_task_deployment(
    graph: ExecutionGraph, vertex: ExecutionVertex, restore: TaskRestore | None = None
) -> TaskDeployment:
    """Return the deployment of a subtask's current attempt.

    The subtask and all it exchanges data with must have their slots.

    :param restore: the state that the subtask begins with.
    :raises ValueError: one of them has none.
    """
    job_vertex = graph.job_vertices[vertex.id.vertex_id]
    return TaskDeployment(
        job_id=graph.job_id,
        vertex=job_vertex.job_vertex,
        subtask_index=vertex.id.subtask_index,
        attempt_number=vertex.current.attempt_number,
        attempt_id=vertex.current.attempt_id,
        allocation_id=_slot(vertex).allocation_id,
        inputs=[_input_gate(graph, vertex, edge) for edge in graph.inputs[vertex.id.vertex_id]],
        outputs=[_result_partition(graph, vertex, edge) for edge in graph.outputs[vertex.id.vertex_id]],
        restore=restore,
    )


def _slot(vertex: ExecutionVertex) -> PhysicalSlot:
    slot = vertex.current.slot
    if slot is None:
        raise ValueError(f"{vertex.task_name} has no slot: it cannot be deployed or read from")
    return slot


def _input_gate(graph: ExecutionGraph, vertex: ExecutionVertex, edge: JobEdge) -> InputGateDeployment:
    producers = graph.job_vertices[VertexId(edge.source_vertex)].subtasks
    channels = []
    for channel in graph.wiring(edge.edge_id).channels_of_consumer(vertex.id.subtask_index):
        producer = producers[channel.producer]
        slot = _slot(producer)
        channels.append(
            InputChannelDeployment(
                producer_attempt_id=producer.current.attempt_id,
                subpartition=channel.subpartition,
                producer_allocation_id=slot.allocation_id,
                host=slot.data_host,
                port=slot.data_port,
                producer_subtask=channel.producer,
            )
        )
    return InputGateDeployment(edge=edge, channels=channels)


def _result_partition(graph: ExecutionGraph, vertex: ExecutionVertex, edge: JobEdge) -> ResultPartitionDeployment:
    target = graph.job_vertices[VertexId(edge.target_vertex)]
    consumers = graph.wiring(edge.edge_id).consumers_of_producer(vertex.id.subtask_index)
    return ResultPartitionDeployment(
        edge=edge,
        subpartitions=len(consumers),
        consumer_subtasks=consumers,
        consumer_parallelism=target.parallelism,
        consumer_max_parallelism=target.max_parallelism,
        consumer_allocations=[_slot(target.subtasks[consumer]).allocation_id for consumer in consumers],
    )
