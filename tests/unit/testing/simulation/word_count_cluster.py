"""A small cluster without high availability, and a word count that runs on it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from millstream.common.config import Configuration, HeartbeatOptions
from millstream.common.high_availability.standalone import FixedLeaderDirectory, StandaloneServices
from millstream.common.ids import IdFactory, LeaderSessionId
from millstream.common.rpc.gateways import DispatcherGateway
from millstream.common.rpc.service import RpcError
from millstream.common.wire import cluster_pb2 as pb
from millstream.common.wire.graph_pb2 import JobGraph
from millstream.datastream import StreamExecutionEnvironment
from millstream.dispatcher.master import Master
from millstream.taskmanager.metrics.task_manager_description import HostResources
from millstream.taskmanager.task_executor import TaskExecutor
from millstream.testing.simulation.rpc import SimulatedRpcService
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation
from millstream.testing.simulation.worker_pool import SimulatedWorkerPool

MASTER = "master:6123"
TEXT = ["the quick brown fox", "jumps over the lazy dog", "the end"] * 40

counted: Counter[str] = Counter()
"""What the job's sink has seen last: all processes of a simulation share their modules."""


def keep(pair: tuple[str, int]) -> None:
    counted[pair[0]] = max(counted[pair[0]], pair[1])


def word_count(env: StreamExecutionEnvironment) -> None:
    (
        env.from_collection(TEXT)
        .flat_map(lambda line: [(word, 1) for word in line.split()])
        .rebalance()
        .key_by(lambda pair: pair[0])
        .reduce(lambda a, b: (a[0], a[1] + b[1]))
        .map(keep)
    )


class WordCountCluster:
    """One master and some TaskManagers of two slots, each on a host of its own."""

    def __init__(
        self,
        simulation: Simulation,
        task_managers: int = 2,
        program: Callable[[StreamExecutionEnvironment], None] = word_count,
        parallelism: int = 2,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.simulation = simulation
        self.program = program
        self.parallelism = parallelism
        self.configuration = Configuration.from_map(
            {"taskmanager.numberOfTaskSlots": "2", "state.backend.local-recovery": "false", **(settings or {})}
        )
        self.status = ""
        self.failure = ""
        self.master = simulation.start_process("master", "master", self._master)
        self.task_managers = [self.start_task_manager(f"tm-{index}") for index in range(task_managers)]
        self.client: SimulatedProcess | None = None

    def start_task_manager(self, name: str, host: str = "") -> SimulatedProcess:
        return self.simulation.start_process(name, host or name, self._task_manager)

    def submit(self) -> None:
        self.client = self.simulation.start_process("client", "client", self._client)

    async def _master(self) -> None:
        process = _me()
        rpc = SimulatedRpcService(process, self.simulation.network, self.configuration, port=6123)
        await rpc.start()
        services = StandaloneServices(rpc)
        await services.start()
        master = Master(rpc, process.clock, self.configuration, IdFactory(process.source("ids")), services)
        await master.start()
        await master.wait_shutdown()
        await master.close()

    async def _task_manager(self) -> None:
        process = _me()
        rpc = SimulatedRpcService(process, self.simulation.network, self.configuration)
        await rpc.start()
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        executor = TaskExecutor(
            rpc,
            process.clock,
            self.configuration,
            IdFactory(process.source("ids")),
            FixedLeaderDirectory(rpc, MASTER),
            SimulatedWorkerPool(process, self.configuration.get(HeartbeatOptions.TIMEOUT).total_seconds()),
            process.host,
            on_fatal=ended.set_result,
            resources=HostResources(cpu_cores=4, physical_memory=16 << 30, free_memory=8 << 30),
        )
        await executor.start()
        await ended

    async def _client(self) -> None:
        rpc = SimulatedRpcService(_me(), self.simulation.network, self.configuration)
        env = StreamExecutionEnvironment(self.configuration)
        env.set_parallelism(self.parallelism)
        self.program(env)
        graph: JobGraph = env._job_graph(env._stream_graph("words"))
        session: LeaderSessionId | None = None
        while session is None:
            try:
                session = await rpc.leader_session_id(MASTER, "dispatcher")
            except RpcError:  # it is not there yet
                await asyncio.sleep(0.2)
        dispatcher = rpc.connect(
            DispatcherGateway,  # type: ignore[type-abstract]  # names the service
            MASTER,
            "dispatcher",
            session,
            timedelta(seconds=10),
        )
        await dispatcher.submit_job(pb.SubmitJobRequest(job_graph=graph))
        while self.status not in ("FINISHED", "FAILED", "CANCELED"):
            await asyncio.sleep(0.5)
            answer = await dispatcher.get_job_details(pb.JobRequest(job_id=graph.job_id, fresh_metrics=True))
            self.status = answer.summary.state
            self.failure = str(answer)


def _me() -> SimulatedProcess:
    process = Simulation.current_process()
    assert process is not None
    return process
