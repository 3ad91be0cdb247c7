"""A cluster that answers what a test says, behind the real application: requests go in as HTTP, without a socket."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import httpx
from fastapi import FastAPI
from google.protobuf.message import Message

from millstream.common.clock import ManualClock
from millstream.common.config import Configuration, RestOptions
from millstream.common.high_availability.standalone import FixedLeaderDirectory
from millstream.common.ids import IdFactory, LeaderSessionId
from millstream.common.logging.log_files import LogFiles
from millstream.common.rpc.gateways import DispatcherGateway, ResourceManagerGateway, TaskExecutorGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.rpc.service import RpcService
from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.packages.package_runs import PackageRuns
from millstream.dispatcher.packages.package_store import PackageStore
from millstream.dispatcher.rest.application import make_application
from millstream.dispatcher.rest.asynchronous_operations import AsynchronousOperations
from millstream.dispatcher.rest.cluster import ClusterAccess
from millstream.dispatcher.rest.context import RestContext
from millstream.dispatcher.rest.flame_graphs.stack_sampler import StackSampler
from millstream.dispatcher.rest.metrics.metric_fetcher import MetricFetcher
from millstream.dispatcher.rest.profiler.profiler import Profiler
from millstream.dispatcher.rest.static_files import StaticFile

__all__ = ["FakeCluster", "FakeGateway", "fake_cluster"]

Answer: TypeAlias = "Message | Exception | Callable[[Any], Message | Awaitable[Message]]"


class FakeGateway:
    """Serves a gateway: each method answers what was put under its name.

    :ivar answers: by method: a message, an error to raise, or a function of the request.
    :ivar requests: what came in, by method.
    """

    def __init__(self, **answers: Answer) -> None:
        self.answers: dict[str, Answer] = answers
        self.requests: dict[str, list[Any]] = {}

    def __getattr__(self, name: str) -> Callable[[Any], Awaitable[Message]]:
        if name.startswith("_"):
            raise AttributeError(name)

        async def method(request: Any) -> Message:
            self.requests.setdefault(name, []).append(request)
            assert name in self.answers, f"nobody expected a call of {name}"
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            if isinstance(answer, Message):
                return answer
            result = answer(request)
            return await result if inspect.isawaitable(result) else result

        return method


class FakeCluster:
    """A master and TaskManagers.

    :ivar http: asks the application.
    :ivar context: what the application works with.
    """

    def __init__(self, rpc: RpcService, http: httpx.AsyncClient, clock: ManualClock, context: RestContext) -> None:
        self.dispatcher = FakeGateway()
        self.resource_manager = FakeGateway(get_resource_overview=self._overview)
        self.task_executors: dict[str, FakeGateway] = {}
        self.http = http
        self.clock = clock
        self.context = context
        self._rpc = rpc
        self._summaries: dict[str, pb.TaskManagerSummary] = {}
        rpc.register(DispatcherGateway, "dispatcher", self.dispatcher, LeaderSessionId("d"))
        rpc.register(ResourceManagerGateway, "resourcemanager", self.resource_manager, LeaderSessionId("r"))

    def add_task_manager(self, resource_id: str, **answers: Answer) -> FakeGateway:
        """Let a TaskManager come."""
        gateway = self.task_executors[resource_id] = FakeGateway(**answers)
        self._rpc.register(TaskExecutorGateway, f"taskexecutor-{resource_id}", gateway, LeaderSessionId("t"))
        self._summaries[resource_id] = pb.TaskManagerSummary(
            resource_id=resource_id, address=self._rpc.address, session_id="t"
        )
        return gateway

    def remove_task_manager(self, resource_id: str) -> None:
        """Let a TaskManager leave."""
        self._rpc.unregister(f"taskexecutor-{resource_id}")
        del self._summaries[resource_id], self.task_executors[resource_id]

    def stop_leading(self) -> None:
        """Let nobody lead."""
        for endpoint in ("dispatcher", "resourcemanager"):
            self._rpc.unregister(endpoint)

    def lead_again(self, term: str = "another") -> None:
        """Let the same ones lead in another term."""
        self._rpc.register(DispatcherGateway, "dispatcher", self.dispatcher, LeaderSessionId(f"{term} d"))
        self._rpc.register(
            ResourceManagerGateway, "resourcemanager", self.resource_manager, LeaderSessionId(f"{term} r")
        )

    async def get(self, path: str, status: int = 200) -> Any:
        """Return what a GET is answered with."""
        return await self.call("GET", path, status)

    async def call(self, method: str, path: str, status: int = 200, body: object = None) -> Any:
        """Return what a request is answered with, which must have this status."""
        response = await self.http.request(method, path, json=body)
        assert response.status_code == status, response.text
        return response.json()

    def _overview(self, request: pb.Empty) -> pb.ClusterOverview:
        return pb.ClusterOverview(task_manager_list=self._summaries.values())


@contextlib.asynccontextmanager
async def fake_cluster(
    configuration: Configuration | None = None,
    *,
    patience_seconds: float = 5.0,
    files: Mapping[str, StaticFile] | None = None,
) -> AsyncIterator[FakeCluster]:
    """A cluster without jobs and TaskManagers, for one test. Nothing of it may be left running.

    :param patience_seconds: how long a request waits for metrics to be fetched.
    :param files: the files of the web interface, by path.
    """
    before = asyncio.all_tasks()
    configuration = configuration if configuration is not None else Configuration()
    network = InProcessNetwork()
    master, own = network.service("master"), network.service("rest")
    await master.start()
    await own.start()
    clock = ManualClock(1_000_000)
    ids = IdFactory(random.Random(7))
    access = ClusterAccess(own, FixedLeaderDirectory(own, "master"), configuration)
    threads = ThreadPoolExecutor(1)
    context = RestContext(
        configuration=configuration,
        cluster=access,
        clock=clock,
        ids=ids,
        operations=AsynchronousOperations(clock, ids, configuration.get(RestOptions.ASYNC_STORE_DURATION)),
        metrics=MetricFetcher(access, configuration, clock, patience_seconds=patience_seconds),
        stacks=StackSampler(access, configuration, clock),
        profiler=Profiler(access, configuration, clock, threads),
        log_files=LogFiles.of_master(configuration),
        packages=PackageStore(configuration, clock),
        package_runs=PackageRuns(configuration, threads),
        threads=threads,
    )
    transport = httpx.ASGITransport(_application(context, files))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        yield FakeCluster(master, http, clock, context)
    await context.package_runs.close()
    context.packages.close()
    await context.operations.close()
    await context.metrics.close()
    await context.stacks.close()
    await context.profiler.close()
    context.threads.shutdown()
    await own.close()
    await master.close()
    assert asyncio.all_tasks() == before


_APPLICATIONS: dict[tuple[tuple[str, str], ...], tuple[FastAPI, RestContext]] = {}


def _application(context: RestContext, files: Mapping[str, StaticFile] | None) -> FastAPI:
    """The application of a configuration, made once: to make one takes longer than a test. Its routes get the context
    of the test that runs.
    """
    if files is not None:
        return make_application(context, files)
    key = tuple(sorted(context.configuration.to_map().items()))
    if key not in _APPLICATIONS:
        shared = dataclasses.replace(context)
        _APPLICATIONS[key] = make_application(shared, {}), shared
    application, shared = _APPLICATIONS[key]
    for field in dataclasses.fields(context):
        object.__setattr__(shared, field.name, getattr(context, field.name))  # frozen for everybody else
    return application
