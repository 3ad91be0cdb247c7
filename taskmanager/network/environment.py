"""The network environment of one slot: its data port, its connections, and what tasks read from and write to."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from millstream.common.config import CheckpointingOptions, Configuration, TaskManagerOptions
from millstream.common.graph.edge_type import EdgeType
from millstream.common.wire.graph_pb2 import JobEdge, JobVertex, ResultPartitionDeployment, TaskDeployment
from millstream.taskmanager.exchange import ChannelInfo, ExchangeError, InputGate, ResultWriter
from millstream.taskmanager.network.block_sizer import BlockSizer
from millstream.taskmanager.network.channel_replay import ChannelReplay, ReplayEdge
from millstream.taskmanager.network.connection import Connection
from millstream.taskmanager.network.consumer_connection import ConsumerConnection
from millstream.taskmanager.network.credit_receiver import CreditReceiver
from millstream.taskmanager.network.frames import NONCE_SIZE
from millstream.taskmanager.network.input_channel import LocalInputChannel, RemoteInputChannel
from millstream.taskmanager.network.input_gate import TaskInputGate
from millstream.taskmanager.network.local_subpartition import LocalSubpartition
from millstream.taskmanager.network.partition_registry import PartitionKey, PartitionRegistry, total_backoff
from millstream.taskmanager.network.partitioners import Partitioner, create_partitioner
from millstream.taskmanager.network.producer_connection import ProducerConnection, ServedPartition
from millstream.taskmanager.network.remote_subpartition import RemoteSubpartition
from millstream.taskmanager.network.result_writer import PartitionEdge, PartitionWriter
from millstream.taskmanager.network.typed_serializer import create_deserializer, create_serializer

__all__ = ["NetworkEnvironment"]

_log = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S: Final = 2.0
_POINTWISE: Final = frozenset({"FORWARD", "RESCALE"})


class NetworkEnvironment:
    """Everything that one slot worker exchanges with the other slots of its job."""

    def __init__(
        self,
        *,
        allocation_id: str,
        data_secret: bytes,
        configuration: Configuration,
        load_payload: Callable[[bytes], Any],
        source: random.Random | None = None,
        inline: bool = False,
    ) -> None:
        """
        :param allocation_id: this slot's allocation; channels between its own tasks do not use the network.
        :param data_secret: the job's secret, which every worker that connects must know.
        :param load_payload: unpickles what the user wrote (partitioners and key selectors, types).
        :param source: randomness of nonces and partitioners; the operating system's by default.
        :param inline: simple key selectors may stand in generated code instead of being called.
        """
        if not data_secret:
            raise ValueError("the job has no data secret; without one anybody could connect to the data port")
        self._allocation_id = allocation_id
        self._secret = data_secret
        self._load_payload = load_payload
        self._inline = inline
        self._random = source if source is not None else random.SystemRandom()
        self._segment_size: int = configuration.get(TaskManagerOptions.MEMORY_SEGMENT_SIZE)
        self._exclusive: int = max(1, configuration.get(TaskManagerOptions.BUFFERS_PER_CHANNEL))
        self._floating: int = configuration.get(TaskManagerOptions.FLOATING_BUFFERS_PER_GATE)
        self._backoff_s: float = configuration.get(TaskManagerOptions.REQUEST_BACKOFF_INITIAL_MS) / 1000
        # Behind a pointwise edge the order of event time is that of one producer's subtask, which cannot be had again
        # when records under way go to other subtasks.
        self._pointwise_in_line: bool = not configuration.get(CheckpointingOptions.UNALIGNED_FORCED)
        longest_backoff_s: float = configuration.get(TaskManagerOptions.REQUEST_BACKOFF_MAX_MS) / 1000
        self._registry: PartitionRegistry[ServedPartition] = PartitionRegistry(
            total_backoff(self._backoff_s, longest_backoff_s)
        )
        self._server: asyncio.Server | None = None
        # In their order, not a set: closing them goes the same way each time.
        self._accepted: dict[ProducerConnection, None] = {}
        self._opened: dict[tuple[str, int], ConsumerConnection] = {}
        self._connecting: dict[asyncio.Task[None], None] = {}  # in the order in which they began
        self._gates: dict[TaskInputGate, list[CreditReceiver]] = {}
        self._all_closed: asyncio.Event | None = None
        self._closed = False

    async def start(self, bind_host: str, port: int = 0) -> int:
        """Open the data port; return its number.

        :raises OSError: the port cannot be had; the message names the address.
        """
        loop = asyncio.get_running_loop()
        try:
            # One address only: a name with several (localhost has two) would get another free port for each.
            found = await loop.getaddrinfo(bind_host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, _, _, _, address = min(found, key=lambda info: info[0] != socket.AF_INET)
            self._server = await loop.create_server(self._accept, str(address[0]), port, family=family, backlog=1024)
        except OSError as error:
            message = f"cannot open the data port at {bind_host}:{port}: {error.strerror or error}"
            raise OSError(error.errno, message) from error
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    # ------------------------------------------------------------ tasks' ends

    def create_result_writer(
        self, deployment: ResultPartitionDeployment, attempt_id: str, subtask_index: int
    ) -> ResultWriter:
        """Return the writer of one output edge of a task; consumers can read from now on.

        :raises ExchangeError: the environment is closed.
        """
        self._check_open()
        edge = deployment.edge
        allocations = deployment.consumer_allocations
        local = [index for index, allocation in enumerate(allocations) if allocation == self._allocation_id]
        partitioner = create_partitioner(deployment, self._load_payload, self._random, local, self._inline)
        key = PartitionKey(attempt_id, edge.edge_id)
        remote = deployment.subpartitions - len(local)
        pool = (remote * self._exclusive + self._floating) * self._segment_size
        name = f"Result partition of edge {edge.edge_id}, producer subtask {subtask_index}"
        consumers = list(deployment.consumer_subtasks) or list(range(deployment.subpartitions))
        whose = PartitionEdge(edge.edge_id, subtask_index, consumers, self._in_line(edge))
        writer = PartitionWriter(name, whose, partitioner, pool, self._segment_size)
        serializer, sizer = create_serializer(self._edge_type(edge)), BlockSizer(self._segment_size)
        subpartitions: list[LocalSubpartition | RemoteSubpartition] = [
            LocalSubpartition(index, writer)
            if index in local
            else RemoteSubpartition(index, writer, self._segment_size, serializer, sizer)
            for index in range(deployment.subpartitions)
        ]
        served = ServedPartition(subpartitions)

        def release(reason: str) -> None:
            self._registry.unregister(key, reason)
            served.fail(reason)

        writer.open(subpartitions, release)
        self._registry.register(key, served)
        return writer

    def create_input_gate(self, task: TaskDeployment) -> InputGate:
        """Return the gate of a task's inputs; its channels are requested at once, and wait for their producers.

        :raises ExchangeError: the environment is closed.
        """
        self._check_open()
        infos = [
            ChannelInfo(
                gate.edge.target_input,
                gate.edge.edge_id,
                channel.producer_subtask,
                channel.producer_allocation_id == self._allocation_id,
                self._in_line(gate.edge),
            )
            for gate in task.inputs
            for channel in gate.channels
        ]
        result = TaskInputGate(infos)
        channels: list[LocalInputChannel | RemoteInputChannel] = []
        opened: list[tuple[RemoteInputChannel, str, int]] = []
        accounts: list[CreditReceiver] = []
        for gate in task.inputs:
            buffers = CreditReceiver(self._exclusive, self._floating)
            accounts.append(buffers)
            deserialize = create_deserializer(self._edge_type(gate.edge))
            for channel in gate.channels:
                index = len(channels)
                key = PartitionKey(channel.producer_attempt_id, gate.edge.edge_id)
                if infos[index].local:
                    channels.append(LocalInputChannel(index, result, key, channel.subpartition))
                else:
                    remote = RemoteInputChannel(index, result, key, channel.subpartition, buffers, deserialize)
                    channels.append(remote)
                    opened.append((remote, channel.host, channel.port))
        result.open(channels, accounts)
        for one in channels:
            if isinstance(one, LocalInputChannel):
                one.open(self._registry)
        for remote, host, port in opened:
            remote.open(self._connection_to(host, port))
        self._gates = {gate_: of_gate for gate_, of_gate in self._gates.items() if not gate_.is_closed}
        self._gates[result] = accounts
        return result

    @property
    def open_gates(self) -> int:
        """Gates whose tasks may still wait for something."""
        return sum(not gate.is_closed for gate in self._gates)

    def audit(self) -> list[str]:
        """Return what is wrong with the accounts of network buffers, in words; nothing ever should be."""
        found = [text for accounts in self._gates.values() for account in accounts for text in account.audit()]
        return found + [
            f"a gate is closed and {account.open_channels} of its channels are not"
            for gate, accounts in self._gates.items()
            for account in accounts
            if gate.is_closed and account.open_channels
        ]

    def create_replay(self, task: TaskDeployment) -> ChannelReplay:
        """Return what gives a restored task the elements that were under way to it."""
        edges: dict[str, ReplayEdge] = {}
        index = 0
        for gate in task.inputs:
            channels: dict[int, int] = {}
            for channel in gate.channels:
                channels[channel.producer_subtask] = index
                index += 1
            edges[gate.edge.edge_id] = ReplayEdge(
                channels,
                create_deserializer(self._edge_type(gate.edge)),
                partial(self._replay_partitioner, gate.edge, task.vertex)
                if gate.edge.partitioner.kind in ("HASH", "CUSTOM")
                else None,
            )
        return ChannelReplay(edges, task.subtask_index)

    def _replay_partitioner(self, edge: JobEdge, consumer: JobVertex) -> Partitioner:
        deployment = ResultPartitionDeployment(
            edge=edge,
            subpartitions=consumer.parallelism,
            consumer_parallelism=consumer.parallelism,
            consumer_max_parallelism=consumer.max_parallelism,
        )
        return create_partitioner(deployment, self._load_payload, self._random, (), self._inline)

    def _in_line(self, edge: JobEdge) -> bool:
        """Barriers never overtake on this edge.

        All subtasks that read a broadcast must have seen the same of it; and a split that is under way is for a reader
        that may not be there after a restore.
        """
        kind = edge.partitioner.kind
        return kind in ("BROADCAST", "SPLITS") or (kind in _POINTWISE and self._pointwise_in_line)

    def _edge_type(self, edge: JobEdge) -> EdgeType | None:
        if not edge.type_info:
            return None
        edge_type: EdgeType = self._load_payload(edge.type_info)
        return edge_type

    def _check_open(self) -> None:
        if self._closed:
            raise ExchangeError(f"the network environment of slot {self._allocation_id} is closed")

    # ------------------------------------------------------------ connections

    def _nonce(self) -> bytes:
        return self._random.getrandbits(NONCE_SIZE * 8).to_bytes(NONCE_SIZE, "big")

    def _accept(self) -> Connection:
        producer = ProducerConnection(self._secret, self._nonce(), self._registry, self._on_accepted_closed)
        self._accepted[producer] = None
        return Connection(producer, 0)

    def _on_accepted_closed(self, connection: ProducerConnection) -> None:
        self._accepted.pop(connection, None)
        self._check_all_closed()

    def _connection_to(self, host: str, port: int) -> ConsumerConnection:
        connection = self._opened.get((host, port))
        if connection is None:
            connection = ConsumerConnection(
                host,
                port,
                secret=self._secret,
                nonce=self._nonce(),
                buffer_size=self._segment_size,
                name=f"of slot {self._allocation_id}",
                retry_pause_s=self._backoff_s,
                on_closed=self._on_opened_closed,
            )
            self._opened[host, port] = connection
            task = asyncio.get_running_loop().create_task(connection.connect())
            self._connecting[task] = None
            task.add_done_callback(self._on_connect_done)
        return connection

    def _on_connect_done(self, task: asyncio.Task[None]) -> None:
        self._connecting.pop(task, None)
        if not task.cancelled() and task.exception() is not None:
            _log.error("Opening a data connection failed", exc_info=task.exception())

    def _on_opened_closed(self, connection: ConsumerConnection) -> None:
        if self._opened.get(connection.address) is connection:
            del self._opened[connection.address]
        self._check_all_closed()

    # ------------------------------------------------------------ end

    def _check_all_closed(self) -> None:
        if self._all_closed is not None and not self._accepted and not self._opened:
            self._all_closed.set()

    async def close(self) -> None:
        """Close the data port, all gates and all connections; what was sent already still goes out."""
        if self._closed:
            return
        self._closed = True
        for gate in self._gates:
            gate.close()
        self._gates.clear()
        self._registry.close()
        if self._server is not None:
            await _stop_listening(self._server)
        connecting = list(self._connecting)
        for task in connecting:
            task.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)
        reason = f"slot {self._allocation_id} was closed"
        self._all_closed = asyncio.Event()
        for opened in list(self._opened.values()):
            opened.close(reason)
        for accepted in list(self._accepted):
            accepted.close(reason)
        self._check_all_closed()
        try:
            await asyncio.wait_for(self._all_closed.wait(), _CLOSE_TIMEOUT_S)
        except asyncio.TimeoutError:
            for opened in list(self._opened.values()):
                opened.abort(reason)
            for accepted in list(self._accepted):
                accepted.abort(reason)
            await asyncio.wait_for(self._all_closed.wait(), _CLOSE_TIMEOUT_S)


async def _stop_listening(server: asyncio.Server) -> None:
    """Close the port, but not before what it has accepted already has its transport.

    asyncio accepts a connection in one turn of the loop and makes its transport in the next. A server that is closed
    between the two (CPython issue 109564) drops the connection without a word to its protocol, which waits for ever.
    """
    loop = asyncio.get_running_loop()
    for listening in server.sockets:
        loop.remove_reader(listening)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    server.close()
