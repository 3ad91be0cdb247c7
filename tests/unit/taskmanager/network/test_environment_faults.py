"""What breaks, breaks only what depends on it, and says who."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading

import pytest

from millstream.common.records import Element, EndOfPartition, RecordBatch
from millstream.taskmanager.exchange import PartitionLostError
from millstream.taskmanager.network.frames import (
    Challenge,
    Credit,
    Data,
    Frame,
    FrameDecoder,
    Refused,
    RequestPartition,
    encode_frame,
)
from millstream.taskmanager.network.handshake import ClientHandshake, ServerHandshake
from millstream.taskmanager.network.value_serializer import RecordSerializationError
from tests.unit.taskmanager.network.network_job import SECRET, Slot, consume, flat, next_element, produce, run, within

_NETWORK_LOG = "millstream.taskmanager.network"


class Peer:
    """A peer that speaks frames by hand, at either end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = FrameDecoder(32 << 10)
        self._frames: list[Frame] = []

    def send(self, data: bytes | Frame) -> None:
        self._writer.write(data if isinstance(data, bytes) else encode_frame(data))

    async def receive(self) -> Frame | None:
        """The next frame; ``None`` when the other side has closed."""
        while not self._frames:
            try:
                data = await within(self._reader.read(4096))
            except ConnectionResetError:
                return None
            if not data:
                return None
            self._frames.extend(self._decoder.feed(data))
        return self._frames.pop(0)

    async def close(self) -> None:
        self._writer.close()
        try:
            await within(self._writer.wait_closed())
        except ConnectionResetError:
            pass  # the other side was faster


async def _reading_peer(slot: Slot, secret: bytes = SECRET) -> Peer:
    """A connected worker that has proved itself."""
    peer = Peer(*await asyncio.open_connection("127.0.0.1", slot.port))
    handshake = ClientHandshake(secret, b"n" * 32, 32 << 10, "by hand")
    peer.send(handshake.start())
    challenge = await peer.receive()
    assert challenge is not None
    peer.send(handshake.on_frame(challenge))
    return peer


async def _working(a: Slot, b: Slot) -> None:
    """Data still flows between two slots."""
    (got,), _ = await within(_both(a, b))
    assert flat(got) == ["still works", EndOfPartition()]


async def _both(a: Slot, b: Slot) -> tuple[list[list[Element]], None]:
    return await asyncio.gather(
        consume(b.gate([a], edge="other")), produce(a.writer([b], edge="other"), [RecordBatch(["still works"])])
    )


def _lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name.startswith(_NETWORK_LOG)]


@pytest.mark.parametrize(
    ("garbage", "message"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "unknown frame type 47"),
        (b"\xff" * 100, "unknown frame type 255"),
        (b"\x7f\xff\xff\xff\x01", "HELLO frame of 2147483647 bytes"),
        (encode_frame(Credit(1, 1)), "Credit came where HELLO was expected"),
    ],
)
def test_garbage_closes_its_connection_with_one_line(
    garbage: bytes, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            peer = Peer(*await asyncio.open_connection("127.0.0.1", a.port))
            peer.send(garbage)
            last = await peer.receive()
            assert last is None or isinstance(last, Refused)
            await peer.close()
            await _working(a, b)

    with caplog.at_level(logging.WARNING):
        run(main())
    (line,) = _lines(caplog)
    assert "127.0.0.1" in line
    assert message in line


def test_a_truncated_frame_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            peer = await _reading_peer(a)
            peer.send(encode_frame(RequestPartition(0, 0, 2, "attempt-0", "edge"))[:11])
            await peer.close()
            await _working(a, b)

    with caplog.at_level(logging.WARNING):
        run(main())
    (line,) = _lines(caplog)
    assert "ended inside a frame: 11 bytes" in line


def test_a_worker_without_the_secret_is_refused_by_both_sides(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("stranger", secret=b"another job".ljust(32)) as stranger:
            writer = a.writer([stranger])
            writer.emit(RecordBatch(["private"]))
            writer.flush()
            gate = stranger.gate([a])
            with pytest.raises(PartitionLostError, match="does not know this job's secret"):
                await within(next_element(gate))
            assert gate.bytes_in == 0
            gate.close()
            writer.close()

    with caplog.at_level(logging.WARNING):
        run(main())
    assert all("secret" in line for line in _lines(caplog))


def test_a_reader_that_lies_about_the_secret_gets_nothing() -> None:
    async def main() -> None:
        async with Slot("a") as a:
            peer = Peer(*await asyncio.open_connection("127.0.0.1", a.port))
            peer.send(ClientHandshake(b"guessed", b"n" * 32, 1024, "liar").start())
            challenge = await peer.receive()
            assert isinstance(challenge, Challenge)
            lie = ClientHandshake(b"guessed", b"n" * 32, 1024, "liar")
            peer.send(encode_frame(ServerHandshake(b"guessed", b"m" * 32).on_frame(lie.start()) or challenge))
            refused = await peer.receive()
            assert isinstance(refused, Refused)
            assert await peer.receive() is None
            await peer.close()

    run(main())


def test_a_malformed_frame_of_a_reader_fails_what_it_reads_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            writer = a.writer([b])
            peer = await _reading_peer(a)
            peer.send(RequestPartition(0, 0, 2, "attempt-0", "edge"))
            writer.emit(RecordBatch([1]))
            writer.flush()
            assert isinstance(await peer.receive(), Data)
            peer.send(b"\0\0\0\0\x63")
            with pytest.raises(PartitionLostError, match="unknown frame type 99"):
                await within(writer.wait_consumed())
            assert not writer.has_room
            with pytest.raises(PartitionLostError, match="by hand at 127"):
                await writer.wait_room()
            assert await peer.receive() is None
            await peer.close()
            writer.fail("its consumer has gone")
            await _working(a, b)

    with caplog.at_level(logging.WARNING):
        run(main())
    assert len(_lines(caplog)) == 1


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (Data(0, 0, b"x"), "no credit"),
        (Data(5, 0, b"x"), "channel 5, which was never requested"),
        (Credit(0, 1), "Credit came from a producing worker"),
        (b"\0\0\0\0\x63", "unknown frame type 99"),
        (Data(0, 0, b"\0\0\0\0\x63"), "unknown kind of element: 99"),
        (b"", "connection lost: the peer closed it"),
    ],
)
def test_a_producer_that_breaks_the_protocol_fails_its_readers(frame: Frame | bytes, message: str) -> None:
    async def main() -> None:
        done = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peer = Peer(reader, writer)
            handshake = ServerHandshake(SECRET, b"m" * 32)
            hello = await peer.receive()
            assert hello is not None
            challenge = handshake.on_frame(hello)
            assert challenge is not None
            peer.send(challenge)
            await peer.receive()
            request = await peer.receive()
            assert isinstance(request, RequestPartition)
            for _ in range(request.credit + 1 if message == "no credit" else 1):
                peer.send(frame)
            if frame != b"":
                while await peer.receive() is not None:
                    pass
            await peer.close()
            done.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        liar = Slot("liar")
        liar.port = server.sockets[0].getsockname()[1]
        async with Slot("a") as a, Slot("b") as b:
            gate, healthy = b.gate([liar]), b.gate([a], edge="healthy")
            if message == "no credit":
                gate.block(0)  # nothing is taken, so nothing is granted
            with pytest.raises(PartitionLostError, match=rf"worker at 127\.0\.0\.1:{liar.port}.*{message}"):
                await within(next_element(gate))
            gate.close()
            await within(done.wait())
            (got,), _ = await asyncio.gather(
                consume(healthy), produce(a.writer([b], edge="healthy"), [RecordBatch([1])])
            )
            assert flat(got) == [1, EndOfPartition()]
        server.close()
        await server.wait_closed()

    run(main())


def test_the_death_of_a_producing_worker_reaches_its_readers_only() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            dying = Slot("dying")
            await dying.__aenter__()
            dying.writer([b])
            gate, healthy = b.gate([dying]), b.gate([a], edge="healthy")
            writer = a.writer([b], edge="healthy")
            writer.emit(RecordBatch([1]))
            writer.flush()
            assert (await within(next_element(healthy)))[1] == RecordBatch([1])
            await dying.__aexit__()
            with pytest.raises(PartitionLostError, match=rf"producer subtask 0.*worker at 127\.0\.0\.1:{dying.port}"):
                await within(next_element(gate))
            gate.close()
            await asyncio.gather(produce(writer, []), consume(healthy))

    run(main())


def test_the_death_of_a_reading_worker_reaches_its_producers() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            writer = a.writer([b])
            peer = await _reading_peer(a)
            peer.send(RequestPartition(0, 0, 2, "attempt-0", "edge"))
            writer.emit(RecordBatch([1]))
            writer.flush()
            assert isinstance(await peer.receive(), Data)
            await peer.close()
            with pytest.raises(PartitionLostError, match=r"edge edge.*subpartition 0.*by hand"):
                await within(writer.wait_consumed())
            writer.close()
            await _working(a, b)

    run(main())


def test_nobody_listens_at_the_producers_port() -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, but not listening
            nobody = Slot("nobody")
            nobody.port = taken.getsockname()[1]
            async with Slot("b", taskmanager_network_request__backoff_initial="10") as b:
                gate = b.gate([nobody])
                with pytest.raises(PartitionLostError, match=rf"127\.0\.0\.1:{nobody.port}.*cannot connect"):
                    await within(next_element(gate))
                gate.close()

    run(main())


@pytest.mark.parametrize("same_slot", [True, False])
def test_a_failed_producer_tells_its_consumers_why(same_slot: bool) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            consumer = a if same_slot else b
            writer, gate = a.writer([consumer]), consumer.gate([a])
            writer.emit(RecordBatch([1]))
            writer.flush()
            assert (await within(next_element(gate)))[1] == RecordBatch([1])
            writer.fail("the task was cancelled")
            with pytest.raises(PartitionLostError, match=r"producer subtask 0.*the task was cancelled"):
                await within(next_element(gate))
            gate.close()
            await _working(a, b)

    run(main())


@pytest.mark.parametrize("same_slot", [True, False])
def test_a_consumer_that_goes_tells_its_producers(same_slot: bool) -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            consumer = a if same_slot else b
            writer, gate = a.writer([consumer]), consumer.gate([a])
            writer.emit(RecordBatch([1]))
            writer.flush()
            await within(next_element(gate))
            gate.close()
            with pytest.raises(PartitionLostError, match="closed the channel before the end"):
                await within(writer.wait_consumed())
            assert not writer.has_room
            writer.emit(RecordBatch([2]))  # refuses nothing
            writer.fail("its consumer has gone")
            await _working(a, b)

    run(main())


def test_a_record_that_cannot_be_sent_fails_its_task_only() -> None:
    async def main() -> None:
        async with Slot("a") as a, Slot("b") as b:
            writer, gate = a.writer([b]), b.gate([a])
            writer.emit(RecordBatch([threading.Lock()]))
            with pytest.raises(RecordSerializationError, match="lock"):
                writer.flush()
            writer.fail("record")
            with pytest.raises(PartitionLostError):
                await within(next_element(gate))
            gate.close()
            await _working(a, b)

    run(main())


def test_a_slot_can_be_closed_while_it_connects() -> None:
    async def main() -> None:
        async with Slot("a") as a:
            async with Slot("b") as b:
                b.gate([a])
            async with Slot("c") as c:
                c.gate([a])
                await asyncio.sleep(0)

    run(main())


@pytest.mark.parametrize("turns", range(4))
def test_a_connection_that_arrives_while_the_slot_closes_does_not_hold_it_up(turns: int) -> None:
    async def main() -> None:
        slot = Slot("a")
        await slot.__aenter__()
        with socket.create_connection(("127.0.0.1", slot.port)):
            for _ in range(turns):
                await asyncio.sleep(0)
            await slot.__aexit__()  # raises when it has to give up on a connection

    run(main())
