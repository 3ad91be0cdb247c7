"""Environments, producers and consumers of a job's data plane over loopback sockets, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, TypeVar

import cloudpickle

from millstream.common.config import Configuration
from millstream.common.graph.operator_spec import PartitionerSpec
from millstream.common.records import Element, Marker, RecordBatch
from millstream.common.wire.graph_pb2 import (
    InputChannelDeployment,
    InputGateDeployment,
    JobEdge,
    Partitioner,
    ResultPartitionDeployment,
    TaskDeployment,
)
from millstream.taskmanager.exchange import InputGate, ResultWriter
from millstream.taskmanager.network.environment import NetworkEnvironment

SECRET = b"secret of the job".ljust(32, b".")
LIMIT_S = 30.0

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine, but not for ever."""
    return asyncio.run(asyncio.wait_for(main, LIMIT_S))


async def within(waiting: Awaitable[T]) -> T:
    """Wait, but not for ever."""
    return await asyncio.wait_for(waiting, LIMIT_S / 2)


class Slot:
    """One slot's environment, started."""

    def __init__(self, name: str, secret: bytes = SECRET, **options: str) -> None:
        settings = {"taskmanager.network.request-backoff.max": "2000"}
        settings.update({key.replace("__", "-").replace("_", "."): value for key, value in options.items()})
        self.name = name
        self.port = 0
        self.environment = NetworkEnvironment(
            allocation_id=name,
            data_secret=secret,
            configuration=Configuration.from_map(settings),
            load_payload=cloudpickle.loads,
        )

    async def __aenter__(self) -> Slot:
        self.port = await self.environment.start("127.0.0.1")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.environment.close()

    def writer(
        self, consumers: Sequence[Slot], kind: str = "FORWARD", producer: int = 0, edge: str = "edge"
    ) -> ResultWriter:
        """A producer in this slot."""
        spec = cloudpickle.dumps(PartitionerSpec(lambda value: value[0])) if kind == "HASH" else b""
        deployment = ResultPartitionDeployment(
            edge=JobEdge(edge_id=edge, partitioner=Partitioner(kind=kind, spec=spec), buffer_timeout_ms=100),
            subpartitions=len(consumers),
            consumer_subtasks=list(range(len(consumers))),
            consumer_parallelism=len(consumers),
            consumer_max_parallelism=128,
            consumer_allocations=[consumer.name for consumer in consumers],
        )
        return self.environment.create_result_writer(deployment, f"attempt-{producer}", producer)

    def gate(self, producers: Sequence[Slot], subpartition: int = 0, edge: str = "edge") -> InputGate:
        """A consumer in this slot that reads ``subpartition`` of all producers."""
        channels = [
            InputChannelDeployment(
                producer_attempt_id=f"attempt-{index}",
                subpartition=subpartition,
                producer_allocation_id=producer.name,
                host="127.0.0.1",
                port=producer.port,
                producer_subtask=index,
            )
            for index, producer in enumerate(producers)
        ]
        inputs = [InputGateDeployment(edge=JobEdge(edge_id=edge, target_input=0), channels=channels)]
        return self.environment.create_input_gate(TaskDeployment(inputs=inputs))


async def produce(writer: ResultWriter, elements: Sequence[RecordBatch | Marker]) -> None:
    """Write elements as a task does, to the end."""
    for element in elements:
        if not writer.has_room:
            await writer.wait_room()
        if isinstance(element, RecordBatch):
            writer.emit(element)
        else:
            writer.broadcast(element)
        await asyncio.sleep(0)
    writer.finish()
    await writer.wait_consumed()
    writer.close()


async def next_element(gate: InputGate) -> tuple[int, Element]:
    """Wait for one element."""
    while True:
        found = gate.poll()
        if found is not None:
            return found
        await gate.wait()


async def consume(gate: InputGate) -> list[list[Element]]:
    """Read everything; return the elements of each channel."""
    got: list[list[Element]] = [[] for _ in gate.channels]
    while not gate.is_finished():
        index, element = await next_element(gate)
        got[index].append(element)
    gate.close()
    return got


def flat(elements: Sequence[Element]) -> list[Any]:
    """Records and markers in order, without the borders of batches."""
    result: list[Any] = []
    for element in elements:
        if isinstance(element, RecordBatch):
            result.extend(element.values)
        else:
            result.append(element)
    return result
