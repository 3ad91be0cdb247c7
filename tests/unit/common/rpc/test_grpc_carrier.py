"""What only the gRPC carrier has: ports, processes, connections."""

# mypy: disable-error-code="type-abstract"
# A gateway's class, a protocol, stands for its service here.

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from millstream.common.config import Configuration
from millstream.common.ids import LeaderSessionId
from millstream.common.rpc.gateways import LeaderGateway
from millstream.common.rpc.grpc_carrier import GrpcRpcService
from millstream.common.rpc.service import RpcError, RpcUnavailableError
from millstream.common.wire import cluster_pb2 as pb

WAIT_SECONDS = 10.0


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 3 * WAIT_SECONDS))


def service(port: int | str = 0, host: str = "127.0.0.1", advertised: str | None = None) -> GrpcRpcService:
    return GrpcRpcService(host, port, advertised, Configuration(), port_keys="some.port")


async def eventually(condition: Callable[[], bool], what: str) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + WAIT_SECONDS
    while not condition():
        assert loop.time() < deadline, f"waited {WAIT_SECONDS} s in vain until {what}"
        await asyncio.sleep(0.005)


async def ask(client: GrpcRpcService, address: str) -> pb.GetLeaderResponse:
    leader = client.connect(
        LeaderGateway,
        address,
        "leader",
        timeout=timedelta(seconds=WAIT_SECONDS),
    )
    return await leader.get_leader(pb.GetLeaderRequest(endpoint="leader"))


@contextlib.contextmanager
def occupied(host: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as taken:
        try:
            taken.bind((host, port))
        except OSError as error:
            pytest.skip(f"this machine has no {host}: {error}")
        names = {found[4][0] for found in socket.getaddrinfo("localhost", None)}
        if host not in names:
            pytest.skip(f"localhost is {names} here")
        taken.listen()
        yield taken.getsockname()[1]


def open_descriptors() -> list[str]:
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the listing's own
            found.append(str(descriptor.readlink()))
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_the_address_names_the_port_that_was_bound() -> None:
    async def test() -> None:
        server = service(advertised="master.example")
        with pytest.raises(RuntimeError, match="after it was started"):
            _ = server.address
        await server.start()
        await server.start()
        host, _, port = server.address.partition(":")
        assert host == "master.example"
        assert int(port) > 0
        await server.close()
        with pytest.raises(RuntimeError, match="was closed"):
            await service_closed(server).start()

    def service_closed(closed: GrpcRpcService) -> GrpcRpcService:
        closed._bound_port = None
        return closed

    run(test)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_used_port_is_refused_whichever_address_of_localhost_it_is_used_on(host: str) -> None:
    async def test() -> None:
        with occupied(host) as port:
            server = service(port, "localhost")
            with pytest.raises(OSError, match=rf"port {port} on localhost: Address already in use.*some\.port"):
                await server.start()
            await server.close()

    run(test)


def test_two_services_do_not_share_a_port() -> None:
    async def test() -> None:
        first = service()
        await first.start()
        second = service(first.address.rpartition(":")[2])
        with pytest.raises(OSError, match="already in use"):
            await second.start()
        await first.close()
        await second.start()
        await second.close()

    run(test)


def test_of_a_range_the_first_free_port_is_taken() -> None:
    async def test() -> None:
        with occupied() as taken:
            free = free_port()
            server = service(f"{taken},{free}")
            await server.start()
            assert server.address == f"127.0.0.1:{free}"
            other = service(f"{taken},{free}-{free}")
            with pytest.raises(OSError, match="any of the 2 ports"):
                await other.start()
            await server.close()

    run(test)


def test_a_bind_host_that_is_not_of_this_machine() -> None:
    async def test() -> None:
        with pytest.raises(OSError, match=r"cannot listen on 192\.0\.2\.1.*bind-host"):
            await service(host="192.0.2.1").start()
        with pytest.raises(OSError, match=r"no-such-host\.invalid.*cannot be resolved"):
            await service(host="no-such-host.invalid").start()

    run(test)


def test_a_malformed_port_is_refused() -> None:
    with pytest.raises(ValueError, match="70000"):
        service("70000")


def test_who_listens_to_other_machines_is_warned_and_advertises_a_name_for_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        open_to_all, local = service(host="0.0.0.0"), service(host="localhost")
        await local.start()
        assert not caplog.records
        await open_to_all.start()
        assert open_to_all.address.partition(":")[0] == socket.gethostname()
        await open_to_all.close()
        await local.close()

    with caplog.at_level(logging.WARNING):
        run(test)
    assert "WITHOUT AUTHENTICATION" in caplog.text
    assert "bind-host" in caplog.text


SERVER_PROGRAM = """
    import asyncio, sys
    from millstream.common.config import Configuration
    from millstream.common.rpc.grpc_carrier import GrpcRpcService

    async def main():
        service = GrpcRpcService("127.0.0.1", int(sys.argv[1]), None, Configuration())
        await service.start()
        print(service.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await service.close()

    asyncio.run(main())
"""


@contextlib.contextmanager
def server_process(port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(SERVER_PROGRAM), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, process.stderr.read() if process.stderr is not None else ""
        yield process, address
    finally:
        process.kill()
        process.communicate()


def test_a_killed_process_is_noticed_by_its_watchers_and_callers() -> None:
    async def test() -> None:
        with server_process() as (process, address):
            client = service()
            told: list[str] = []
            client.watch_connection(address, told.append)
            await ask(client, address)
            process.send_signal(signal.SIGKILL)
            await eventually(lambda: bool(told), "the watcher is told")
            assert "broke and cannot be made again" in told[0]
            with pytest.raises(RpcUnavailableError, match=f"get_leader at {address}"):
                await ask(client, address)
            await client.close()

    run(test)


def test_a_process_that_only_stands_still_is_not_taken_for_dead() -> None:
    async def test() -> None:
        with server_process() as (process, address):
            client = service()
            told: list[str] = []
            client.watch_connection(address, told.append)
            await ask(client, address)
            process.send_signal(signal.SIGSTOP)
            call = asyncio.ensure_future(ask(client, address))
            await asyncio.wait({call}, timeout=0.3)
            assert not call.done()
            assert not told
            process.send_signal(signal.SIGCONT)
            assert (await call).known
            await client.close()

    run(test)


def test_a_successor_on_the_same_port_is_not_taken_for_the_watched_process() -> None:
    async def test() -> None:
        client, first = service(), service()
        await first.start()
        address = first.address
        told: list[str] = []
        client.watch_connection(address, told.append)
        await ask(client, address)
        # The successor must be there before the watch tries again.
        await asyncio.gather(first.close(), start_when_free(successor := service(address.rpartition(":")[2])))
        await eventually(lambda: bool(told), "the watcher is told")
        assert (await ask(client, address)).known
        again: list[str] = []
        client.watch_connection(address, again.append)
        await successor.close()
        await eventually(lambda: bool(again), "the new watcher is told")
        assert len(told) == 1
        await client.close()

    async def start_when_free(successor: GrpcRpcService) -> None:
        while True:
            try:
                return await successor.start()
            except OSError:
                await asyncio.sleep(0)

    run(test)


@contextlib.asynccontextmanager
async def proxy(target: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """Pass connections through to ``target``; gives its own address and a function that breaks all connections."""
    host, _, port = target.partition(":")
    writers: list[asyncio.StreamWriter] = []
    pumps: set[asyncio.Task[None]] = set()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writers.extend([writer, far_writer])
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.ensure_future(pump(source, sink))
            pumps.add(task)
            task.add_done_callback(pumps.discard)

    def break_all() -> None:
        for writer in writers:
            writer.transport.abort()
        writers.clear()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", break_all
    finally:
        server.close()
        break_all()
        for task in pumps:
            task.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


def test_a_broken_connection_that_can_be_made_again_is_no_death() -> None:
    async def test() -> None:
        client, server = service(), service()
        await server.start()
        told: list[str] = []
        async with proxy(server.address) as (address, break_all):
            client.watch_connection(address, told.append)
            for _ in range(3):
                assert (await ask(client, address)).known
                break_all()
                await reconnected(client, address)
            assert not told
        await eventually(lambda: bool(told), "the watcher is told of the proxy's end")
        await client.close()
        await server.close()

    async def reconnected(client: GrpcRpcService, address: str) -> None:
        while True:
            try:
                await ask(client, address)
                return
            except RpcUnavailableError:
                await asyncio.sleep(0.01)

    run(test)


def test_a_server_that_speaks_something_else() -> None:
    async def test() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(10)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        client = service()
        with pytest.raises(RpcError, match="get_leader at 127"):
            await ask(client, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await client.close()
        server.close()
        await server.wait_closed()

    run(test)


def test_a_new_process_is_reached_at_once_after_calls_in_vain() -> None:
    async def test() -> None:
        client = service()
        port = free_port()
        for _ in range(5):
            with pytest.raises(RpcUnavailableError, match=rf"at 127\.0\.0\.1:{port}: cannot connect: .*refused"):
                await ask(client, f"127.0.0.1:{port}")
        server = service(port)
        await server.start()
        assert (await ask(client, server.address)).known
        await client.close()
        await server.close()

    run(test)


def test_no_connection_or_task_is_left_behind() -> None:
    async def test() -> None:
        for _ in range(3):
            server, client = service(), service()
            await server.start()
            client.watch_connection(server.address, lambda reason: None)
            await ask(client, server.address)
            await client.close()
            await server.close()
        assert asyncio.all_tasks() - before == set()

    before: set[asyncio.Task[Any]] = set()

    async def outer() -> None:
        before.update(asyncio.all_tasks())
        await test()

    asyncio.run(outer())
    gc.collect()
    descriptors = open_descriptors()
    before.clear()
    asyncio.run(outer())
    deadline = time.monotonic() + WAIT_SECONDS
    while len(open_descriptors()) > len(descriptors):
        assert time.monotonic() < deadline, f"{open_descriptors()}, where there were {descriptors}"
        gc.collect()  # what was cancelled is held by cycles
        time.sleep(0.01)  # a thread of gRPC's closes connections


NOISE_PROGRAM = """
    import asyncio, os, subprocess, sys
    from millstream.common.config import Configuration
    from millstream.common.ids import LeaderSessionId
    from millstream.common.rpc.gateways import LeaderGateway
    from millstream.common.rpc.grpc_carrier import GrpcRpcService
    from millstream.common.rpc.service import RpcUnavailableError

    async def main():
        server = GrpcRpcService("127.0.0.1", 0, None, Configuration())
        client = GrpcRpcService("127.0.0.1", 0, None, Configuration())
        await server.start()
        lost = asyncio.Event()
        client.watch_connection(server.address, lambda reason: lost.set())
        await client.leader_session_id(server.address, "leader")
        subprocess.run(["true"], check=True)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        await client.leader_session_id(server.address, "leader")
        await server.close()
        await lost.wait()
        try:
            await client.leader_session_id(server.address, "leader")
        except RpcUnavailableError:
            print("done")
        await client.close()

    asyncio.run(main())
    asyncio.run(main())
"""


def test_users_see_no_output_of_grpc() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRPC_")}
    finished = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(NOISE_PROGRAM)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=3 * WAIT_SECONDS,
    )
    assert finished.stderr == ""
    assert finished.stdout == "done\ndone\n"
    assert finished.returncode == 0


def test_the_rpc_layer_is_usable_without_grpc() -> None:
    program = "import sys, millstream.common.rpc.in_process; sys.exit('grpc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_fencing_token_is_any_text() -> None:
    async def test() -> None:
        server, client = service(), service()
        await server.start()

        class Leader:
            async def get_leader(self, request: pb.GetLeaderRequest) -> pb.GetLeaderResponse:
                return pb.GetLeaderResponse(known=True)

        token = LeaderSessionId("zwölf %20 \n")
        server.register(LeaderGateway, "Führer/1", Leader(), token)
        assert await client.leader_session_id(server.address, "Führer/1") == token
        gateway = client.connect(LeaderGateway, server.address, "Führer/1", token)
        assert (await gateway.get_leader(pb.GetLeaderRequest())).known
        await client.close()
        await server.close()

    run(test)
