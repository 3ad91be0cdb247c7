"""TCP between simulated processes, as protocols see it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from millstream.testing.simulation.simulated_process import SimulatedProcess
from millstream.testing.simulation.simulation import Simulation


class Recorder(asyncio.Protocol):
    """Notes what comes."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.received = bytearray()
        self.pieces = 0
        self.events: list[str] = []
        self.lost: BaseException | str | None = "connected"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.pieces += 1

    def pause_writing(self) -> None:
        self.events.append("pause")

    def resume_writing(self) -> None:
        self.events.append("resume")

    def eof_received(self) -> bool:
        self.events.append("eof")
        return False

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = exc


class Buffered(asyncio.BufferedProtocol):
    """Takes what comes in a buffer of a few bytes."""

    def __init__(self) -> None:
        self.buffer = bytearray(5)
        self.received = b""

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.received += bytes(self.buffer[:nbytes])


@dataclass
class Pair:
    """A server on host b and a client on host a, connected."""

    simulation: Simulation
    server: SimulatedProcess = field(init=False)
    client: SimulatedProcess = field(init=False)
    there: list[Recorder] = field(default_factory=list)
    here: Recorder = field(default_factory=Recorder)
    problem: BaseException | None = None

    def __post_init__(self) -> None:
        self.server = self.simulation.start_process("server", "b", self._serve)
        self.simulation.run_for(0.01)
        self.client = self.simulation.start_process("client", "a", self._connect)

    def connected(self) -> Pair:
        self.simulation.run_until(lambda: bool(self.there) and self.here.transport is not None, 5, "a connection")
        return self

    async def _serve(self) -> None:
        def accept() -> Recorder:
            self.there.append(Recorder())
            return self.there[-1]

        server = await asyncio.get_running_loop().create_server(accept, "localhost", 7)
        assert server.sockets[0].getsockname() == ("b", 7)
        await asyncio.sleep(10_000)

    async def _connect(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self.here, "b", 7)
        except OSError as error:
            self.problem = error
        await asyncio.sleep(10_000)

    def send(self, data: bytes) -> None:
        self.client.loop.call_soon(self.out.write, data)

    @property
    def out(self) -> asyncio.Transport:
        assert self.here.transport is not None
        return self.here.transport

    @property
    def back(self) -> asyncio.Transport:
        transport = self.there[0].transport
        assert transport is not None
        return transport


def test_bytes_come_in_order_and_later() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        assert pair.out.get_extra_info("peername") == ("b", 7)
        before = simulation.elapsed
        for number in range(200):
            pair.send(f"{number},".encode())
        simulation.run_until(lambda: pair.there[0].received.endswith(b"199,"), 1, "all is there")
        assert bytes(pair.there[0].received) == b"".join(f"{number},".encode() for number in range(200))
        assert simulation.elapsed - before >= simulation.network.conditions.latency
        assert pair.there[0].pieces < 200, "what comes together is given together"


def test_a_buffered_protocol_gets_all() -> None:
    got = Buffered()
    with Simulation(1) as simulation:

        async def serve() -> None:
            await asyncio.get_running_loop().create_server(lambda: got, None, 7)
            await asyncio.sleep(100)

        async def connect() -> None:
            transport, _ = await asyncio.get_running_loop().create_connection(Recorder, "b", 7)
            assert isinstance(transport, asyncio.Transport)
            transport.write(b"more than the buffer holds")
            await asyncio.sleep(100)

        simulation.start_process("server", "b", serve)
        simulation.run_for(0.01)
        simulation.start_process("client", "a", connect)
        simulation.run_until(lambda: len(got.received) == 26, 5, "all is there")
        assert got.received == b"more than the buffer holds"


def test_a_reader_that_pauses_holds_up_the_writer() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        pair.back.pause_reading()
        for _ in range(20):
            pair.send(bytes(50_000))
        simulation.run_for(1)
        assert pair.here.events == ["pause"]
        assert not pair.there[0].received
        assert pair.out.get_write_buffer_size() > 0
        pair.back.resume_reading()
        simulation.run_until(lambda: len(pair.there[0].received) == 1_000_000, 5, "all is there")
        simulation.run_for(0.1)
        assert pair.here.events == ["pause", "resume"]


def test_a_paused_process_holds_up_the_writer_too() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        pair.server.pause()
        for _ in range(20):
            pair.send(bytes(50_000))
        simulation.run_for(10)
        assert pair.here.events == ["pause"]
        pair.server.resume()
        simulation.run_until(lambda: len(pair.there[0].received) == 1_000_000, 5, "all is there")


def test_close_sends_what_is_left_and_both_ends_end() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        pair.send(bytes(700_000))
        pair.client.loop.call_soon(pair.out.close)
        simulation.run_until(lambda: pair.there[0].lost is None, 5, "the server's end")
        assert len(pair.there[0].received) == 700_000
        assert pair.there[0].events == ["eof"]
        assert pair.here.lost is None
        assert not simulation.network.connections


def test_nobody_listens() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation)
        pair.server.kill("for the test")
        simulation.run_until(lambda: pair.problem is not None, 5, "refusal")
        assert isinstance(pair.problem, ConnectionRefusedError)


def test_a_cut_network_lets_nobody_connect_for_two_minutes() -> None:
    with Simulation(1) as simulation:
        simulation.network.partition(["a"], ["b"])
        pair = Pair(simulation)
        simulation.run_until(lambda: pair.problem is not None, 200, "giving up")
        assert isinstance(pair.problem, TimeoutError)
        assert simulation.elapsed > 120


def _killed(pair: Pair) -> None:
    pair.server.kill("for the test")


def _reset(pair: Pair) -> None:
    assert pair.simulation.network.reset_connections("a", "b") == 1


@pytest.mark.parametrize("fault", [_killed, _reset])
def test_a_broken_connection_is_noticed(fault: Callable[[Pair], None]) -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        fault(pair)
        simulation.run_until(lambda: pair.here.lost != "connected", 1, "notice")
        assert not simulation.network.connections


def test_the_dead_are_silent_behind_a_cut_until_it_heals() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        heal = simulation.network.partition(["a"], ["b"])
        pair.server.kill("for the test")
        pair.send(b"is anybody there?")
        simulation.run_for(30)
        assert pair.here.lost == "connected"
        heal()
        simulation.run_until(lambda: pair.here.lost != "connected", 30, "notice")


def test_what_was_sent_into_a_cut_comes_after_it() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        heal = simulation.network.partition(["a"], ["b"], one_way=True)
        pair.send(b"late")
        pair.server.loop.call_soon(pair.back.write, b"in time")
        simulation.run_for(3)
        assert (bytes(pair.there[0].received), bytes(pair.here.received)) == (b"", b"in time")
        heal()
        simulation.run_until(lambda: pair.there[0].received == b"late", 10, "retransmission")


def test_an_aborted_connection_answers_by_a_reset() -> None:
    with Simulation(1) as simulation:
        pair = Pair(simulation).connected()
        pair.back.pause_reading()
        pair.send(b"never read")
        simulation.run_for(0.1)
        pair.server.loop.call_soon(pair.back.abort)
        simulation.run_until(lambda: pair.here.lost != "connected", 1, "notice")
        assert isinstance(pair.here.lost, ConnectionResetError)


def test_a_port_is_taken_once() -> None:
    with Simulation(1) as simulation:
        Pair(simulation).connected()
        problems: list[OSError] = []

        async def again() -> None:
            try:
                await asyncio.get_running_loop().create_server(Recorder, None, 7)
            except OSError as error:
                problems.append(error)

        simulation.start_process("other", "b", again)
        simulation.run_for(0.1)
        assert "port 7 of b is in use" in str(problems[0])
