"""What only the in-process carrier has: crashes, delays and losses on demand."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from millstream.common.rpc.gateways import LeaderGateway
from millstream.common.rpc.in_process import InProcessNetwork
from millstream.common.rpc.methods import RpcMethod
from millstream.common.rpc.service import RpcService, RpcTimeoutError, RpcUnavailableError
from millstream.common.wire import cluster_pb2 as pb


class Blocking:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()
        self.answered = 0

    async def get_leader(self, request: pb.GetLeaderRequest) -> pb.GetLeaderResponse:
        self.asked.set()
        await self.answer.wait()
        self.answered += 1
        return pb.GetLeaderResponse(known=True)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 10))


def connect(client: RpcService, address: str, timeout_ms: int = 10_000) -> LeaderGateway:
    return client.connect(
        LeaderGateway,
        address,
        "blocking",
        None,
        timedelta(milliseconds=timeout_ms),
    )


def serve(server: RpcService) -> Blocking:
    blocking = Blocking()
    server.register(LeaderGateway, "blocking", blocking, None)
    return blocking


def test_a_crash_breaks_calls_to_and_from_it_and_is_noticed() -> None:
    async def test() -> None:
        network = InProcessNetwork()
        crashing, other = network.service("crashing"), network.service("other")
        await crashing.start()
        await other.start()
        at_crashing, at_other = serve(crashing), serve(other)
        told: list[str] = []
        own: list[str] = []
        other.watch_connection("crashing", told.append)
        crashing.watch_connection("other", own.append)
        to_it = asyncio.ensure_future(connect(other, "crashing").get_leader(pb.GetLeaderRequest()))
        from_it = asyncio.ensure_future(connect(crashing, "other").get_leader(pb.GetLeaderRequest()))
        await at_crashing.asked.wait()
        await at_other.asked.wait()
        network.crash("crashing")
        with pytest.raises(RpcUnavailableError, match="crashing has crashed"):
            await to_it
        with pytest.raises(RpcUnavailableError, match="calling service has ended"):
            await from_it
        assert told == ["crashing has crashed"]
        with pytest.raises(RpcUnavailableError, match="no service is started there"):
            await connect(other, "crashing").get_leader(pb.GetLeaderRequest())
        with pytest.raises(KeyError, match="crashing"):
            network.crash("crashing")
        successor = network.service("crashing")
        await successor.start()
        serve(successor).answer.set()
        assert (await connect(other, "crashing").get_leader(pb.GetLeaderRequest())).known
        assert len(told) == 1
        for service in (crashing, other, successor):
            await service.close()
        assert not own

    run(test)


def test_an_address_has_one_service_at_a_time() -> None:
    async def test() -> None:
        network = InProcessNetwork()
        first, second = network.service("one"), network.service("one")
        await first.start()
        await first.start()
        with pytest.raises(OSError, match="'one' is in use"):
            await second.start()
        await first.close()
        with pytest.raises(RuntimeError, match="was closed"):
            await first.start()
        await second.start()
        await second.close()

    run(test)


def test_a_lost_request_is_not_carried_out_and_a_lost_response_is() -> None:
    async def test() -> None:
        network = InProcessNetwork()
        server, client = network.service("server"), network.service("client")
        await server.start()
        blocking = serve(server)
        blocking.answer.set()
        lost_from = "client"

        def lose(source: str, target: str, method: RpcMethod) -> float | None:
            return None if source == lost_from else 0.0

        network.transit = lose
        with pytest.raises(RpcTimeoutError):
            await connect(client, "server", 30).get_leader(pb.GetLeaderRequest())
        assert blocking.answered == 0
        lost_from = "server"
        with pytest.raises(RpcTimeoutError):
            await connect(client, "server", 30).get_leader(pb.GetLeaderRequest())
        assert blocking.answered == 1
        lost_from = "nobody"
        assert (await connect(client, "server", 5_000).get_leader(pb.GetLeaderRequest())).known
        await client.close()
        await server.close()

    run(test)


def test_delays_count_towards_the_deadline_and_may_reorder() -> None:
    async def test() -> None:
        network = InProcessNetwork()
        server, client = network.service("server"), network.service("client")
        await server.start()
        blocking = serve(server)
        blocking.answer.set()
        delays = iter([0.05, 0.0, 0.0, 0.0, 10.0])
        network.transit = lambda source, target, method: next(delays)
        order: list[int] = []

        async def ask(number: int) -> None:
            await connect(client, "server").get_leader(pb.GetLeaderRequest())
            order.append(number)

        first = asyncio.ensure_future(ask(1))
        await asyncio.sleep(0)
        await ask(2)
        await first
        assert order == [2, 1]
        with pytest.raises(RpcTimeoutError):
            await connect(client, "server", 20).get_leader(pb.GetLeaderRequest())
        await client.close()
        await server.close()

    run(test)
