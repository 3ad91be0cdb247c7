"""The forked process that writes a snapshot: what it gives, how it ends, and that nothing of it stays."""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from millstream.common.errors import MillstreamError
from millstream.taskmanager.state.forked_stream import ForkedStream, can_fork

pytestmark = pytest.mark.skipif(not can_fork(), reason="this platform does not fork")


def _children() -> set[int]:
    with open(f"/proc/self/task/{threading.get_native_id()}/children", encoding="ascii") as file:
        return set(map(int, file.read().split()))


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    children, files = _children(), len(os.listdir("/proc/self/fd"))
    yield
    assert _children() == children
    assert len(os.listdir("/proc/self/fd")) == files


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_it_gives_the_memory_as_it_was() -> None:
    values = [[number] for number in range(1000)]
    stream = ForkedStream(lambda: (repr(value).encode() for value in values))
    for value in values:
        value.append(-1)
    values.clear()
    assert list(stream.chunks()) == [f"[{number}]".encode() for number in range(1000)]
    stream.discard()


def test_large_chunks_and_none() -> None:
    data = os.urandom(3 << 20)
    assert b"".join(ForkedStream(lambda: [data, b"", data]).chunks()) == data + data
    assert list(ForkedStream(list).chunks()) == []


def test_errors_come_back() -> None:
    def refuse() -> Iterator[bytes]:
        yield b"something"
        raise MillstreamError("state 's': no")

    with pytest.raises(MillstreamError, match=r"^state 's': no$"):
        list(ForkedStream(refuse).chunks())
    with pytest.raises(MillstreamError, match=r"(?s)snapshot failed.*ZeroDivisionError"):
        list(ForkedStream(lambda: [bytes(1 // len([]))]).chunks())


def test_a_child_that_is_killed_is_reported() -> None:
    def die() -> Iterator[bytes]:
        yield b"something"
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(MillstreamError, match=r"ended by signal SIGKILL \(the system may have run out of memory"):
        list(ForkedStream(die).chunks())


def _forever() -> Iterator[bytes]:
    while True:
        yield b"x" * 1000


def _stuck() -> Iterator[bytes]:
    yield b"x"
    threading.Event().wait()


@pytest.mark.parametrize("produce", [_forever, _stuck])
def test_it_can_be_discarded_before_it_is_read(produce: Callable[[], Iterator[bytes]]) -> None:
    stream = ForkedStream(produce)
    stream.discard()
    stream.discard()
    with pytest.raises(MillstreamError, match="not wanted any more"):
        list(stream.chunks())


@pytest.mark.parametrize("produce", [_forever, _stuck])
def test_it_can_be_discarded_while_it_is_read(produce: Callable[[], Iterator[bytes]]) -> None:
    stream = ForkedStream(produce)
    seen, raised = [0], []

    def read() -> None:
        try:
            for _ in stream.chunks():
                seen[0] += 1
        except MillstreamError as error:
            raised.append(str(error))

    thread = threading.Thread(target=read)
    thread.start()
    _until(lambda: seen[0] > 0)
    stream.discard()
    thread.join(20)
    assert raised == ["the snapshot is not wanted any more"]


def test_who_stops_reading_ends_it() -> None:
    chunks = ForkedStream(_forever).chunks()
    next(chunks)
    chunks.close()


def test_the_child_has_nothing_of_its_parent_but_the_pipe() -> None:
    server, client = socket.socketpair()

    def look() -> Iterator[bytes]:
        open_files = sorted(int(name) for name in os.listdir("/proc/self/fd"))
        yield repr(open_files[:-1]).encode()  # the last one lists them
        yield repr([os.readlink(f"/proc/self/fd/{number}") for number in range(3)]).encode()
        yield repr((signal.getsignal(signal.SIGTERM), gc.isenabled())).encode()
        yield b"wait"
        threading.Event().wait()

    chunks = ForkedStream(look).chunks()
    assert next(chunks) == b"[0, 1, 2, 3]"
    assert next(chunks) == repr([os.devnull] * 3).encode()
    assert next(chunks) == repr((signal.SIG_DFL, False)).encode()
    assert next(chunks) == b"wait"
    server.close()
    assert client.recv(1) == b""  # nobody holds the other end open
    client.close()
    chunks.close()


def test_the_parent_is_as_before() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    for enabled in (True, False):
        if enabled:
            gc.enable()
        else:
            gc.disable()
        assert list(ForkedStream(lambda: [b"x"]).chunks()) == [b"x"]
        assert gc.isenabled() is enabled
    gc.enable()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_it_works_beside_busy_threads_and_other_streams() -> None:
    ended = threading.Event()

    def busy() -> None:
        while not ended.is_set():
            sorted(str(number) for number in range(100))

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        streams = [ForkedStream(lambda number=number: [b"%d" % number] * 100) for number in range(4)]  # type: ignore[misc]  # mypy does not see the default
        for number, stream in enumerate(streams):
            assert list(stream.chunks()) == [b"%d" % number] * 100
    finally:
        ended.set()
        for thread in threads:
            thread.join(20)


def test_the_child_ends_with_its_parent() -> None:
    middle = ForkedStream(lambda: (b"%d" % pid for pid in _grandchild()))
    chunks = middle.chunks()
    pid = next(chunks)
    chunks.close()  # by killing it

    def gone() -> bool:
        try:
            with open(f"/proc/{int(pid)}/stat", encoding="utf-8") as file:
                return file.read().rsplit(")", 1)[1].split()[0] == "Z"
        except FileNotFoundError:
            return True

    _until(gone)


def _grandchild() -> Iterator[int]:
    def tell() -> Iterator[bytes]:
        yield b"%d" % os.getpid()
        yield from _forever()

    chunks = ForkedStream(tell).chunks()
    yield int(next(chunks))
    threading.Event().wait()
