"""Remote calls between simulated processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import LeaderGateway
from millstream.common.rpc.service import (
    EndpointNotFoundError,
    FencingError,
    RemoteCallError,
    RpcTimeoutError,
    RpcUnavailableError,
)
from millstream.common.wire import cluster_pb2 as pb
from millstream.testing.simulation.rpc import SimulatedRpcService
from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation

TERM = LeaderSessionId("term")


class Service:
    """Answers, after a while if it is asked for ``slow``."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.cancelled = 0

    async def get_leader(self, request: pb.GetLeaderRequest) -> pb.GetLeaderResponse:
        self.asked.append(request.endpoint)
        if request.endpoint == "slow":
            try:
                await asyncio.sleep(5)
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
        if request.endpoint == "bad":
            raise KeyError("a defect")
        if request.endpoint == "refused":
            raise MillstreamError("no")
        return pb.GetLeaderResponse(known=True, leader_session_id=request.endpoint)


class World:
    """A server on host b and a caller on host a."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.service = Service()
        self.server = simulation.start_process("server", "b", self._serve)
        self.answers: list[object] = []
        self.lost: list[str] = []
        self.caller: SimulatedProcess | None = None
        simulation.run_for(0.01)

    async def _serve(self) -> None:
        rpc = SimulatedRpcService(_me(), self.simulation.network, Configuration(), port=1)
        await rpc.start()
        rpc.register(
            LeaderGateway,  # type: ignore[type-abstract]  # names the service
            "service",
            self.service,
            TERM,
        )
        await asyncio.sleep(10_000)

    def ask(self, *names: str, token: LeaderSessionId = TERM, endpoint: str = "service", seconds: float = 10) -> None:
        """Call once for each name, one after the other, in a process of its own."""

        async def call(gateway: LeaderGateway) -> None:
            for name in names:
                try:
                    answer = await gateway.get_leader(pb.GetLeaderRequest(endpoint=name))
                    self.answers.append(answer.leader_session_id)
                except MillstreamError as error:
                    self.answers.append(error)

        def connect(rpc: SimulatedRpcService) -> LeaderGateway:
            return rpc.connect(
                LeaderGateway,  # type: ignore[type-abstract]  # as above
                "b:1",
                endpoint,
                token,
                timedelta(seconds=seconds),
            )

        self.run(lambda rpc: call(connect(rpc)))

    def watch(self) -> None:
        async def watch(rpc: SimulatedRpcService) -> None:
            rpc.watch_connection("b:1", self.lost.append)
            await asyncio.sleep(10_000)

        self.run(watch)

    def run(self, work: Callable[[SimulatedRpcService], Awaitable[None]]) -> None:
        async def main() -> None:
            await work(SimulatedRpcService(_me(), self.simulation.network, Configuration()))

        self.caller = self.simulation.start_process(f"caller {len(self.simulation.processes)}", "a", main)

    def answered(self, within: float = 20) -> object:
        self.simulation.run_until(lambda: bool(self.answers), within, "an answer")
        return self.answers.pop(0)


def _me() -> SimulatedProcess:
    process = Simulation.current_process()
    assert process is not None
    return process


def test_answers_and_errors_come_back() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        world.ask("a", "bad", "refused", "b")
        assert world.answered() == "a"
        assert isinstance(error := world.answered(), RemoteCallError)
        assert "KeyError: 'a defect'" in str(error)
        assert isinstance(error := world.answered(), MillstreamError)
        assert str(error) == "no"
        assert world.answered() == "b"
        world.ask("a", token=LeaderSessionId("former"))
        assert isinstance(world.answered(), FencingError)
        world.ask("a", endpoint="other")
        assert isinstance(world.answered(), EndpointNotFoundError)
        assert simulation.errors == []


def test_a_call_that_takes_too_long_is_cancelled_over_there() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        world.ask("slow", seconds=1)
        assert isinstance(world.answered(1.1), RpcTimeoutError)
        simulation.run_for(0.1)
        assert world.service.cancelled == 1


def test_a_caller_that_dies_has_its_call_cancelled() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        world.ask("slow")
        simulation.run_until(lambda: bool(world.service.asked), 1, "the call")
        assert world.caller is not None
        world.caller.kill("for the test")
        simulation.run_for(0.1)
        assert world.service.cancelled == 1


def test_a_server_that_dies_breaks_its_calls_and_is_noticed() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        world.watch()
        simulation.run_for(0.1)
        world.ask("slow")
        simulation.run_until(lambda: bool(world.service.asked), 1, "the call")
        world.server.kill("for the test")
        assert isinstance(world.answered(0.1), RpcUnavailableError)
        simulation.run_for(0.1)
        assert len(world.lost) == 1
        assert "killed" in world.lost[0]
        world.ask("a")
        assert isinstance(world.answered(0.1), RpcUnavailableError)
        assert world.service.cancelled == 0, "dead code does not run"


def test_a_cut_is_silence_until_the_deadline() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        world.watch()
        simulation.run_for(0.1)
        heal = simulation.network.partition(["a"], ["b"])
        world.ask("a", seconds=3)
        world.server.kill("for the test")
        assert isinstance(world.answered(3.1), RpcTimeoutError)
        assert world.lost == []
        heal()
        simulation.run_until(lambda: bool(world.lost), 20, "notice")


def test_a_short_cut_only_delays() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        heal = simulation.network.partition(["b"], ["a"], one_way=True)
        world.ask("a")
        simulation.run_for(1)
        assert (world.service.asked, world.answers) == (["a"], [])
        heal()
        assert world.answered(5) == "a"


def test_a_paused_server_answers_late() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        world.server.pause()
        world.ask("a", "b", seconds=2)
        assert isinstance(world.answered(2.1), RpcTimeoutError)
        world.server.resume()
        assert world.answered(1) == "b"


def test_messages_are_lost_and_doubled_as_the_conditions_say() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        restore = simulation.network.set_conditions(duplicate=1.0)
        world.ask("twice")
        assert world.answered() == "twice"
        simulation.run_for(0.1)
        assert world.service.asked == ["twice", "twice"]
        restore()
        simulation.network.set_conditions(loss=1.0)
        world.ask("never", seconds=1)
        assert isinstance(world.answered(), RpcTimeoutError)
        assert "never" not in world.service.asked


def test_a_reset_breaks_calls_but_not_watches() -> None:
    with Simulation(1) as simulation:
        world = World(simulation)
        world.watch()
        world.ask("slow")
        simulation.run_until(lambda: bool(world.service.asked), 1, "the call")
        simulation.network.reset_connections("a", "b")
        assert isinstance(world.answered(0.1), RpcUnavailableError)
        simulation.run_for(1)
        assert world.lost == []


def test_an_address_belongs_to_one_service() -> None:
    problems: list[OSError] = []
    with Simulation(1) as simulation:

        async def main() -> None:
            try:
                await SimulatedRpcService(_me(), simulation.network, Configuration(), port=1).start()
            except OSError as error:
                problems.append(error)

        World(simulation)
        simulation.start_process("other", "b", main)
        simulation.run_for(0.1)
        assert "port 1 of b is in use" in str(problems[0])
