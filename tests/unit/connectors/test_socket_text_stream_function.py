"""Lines from a server."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import cloudpickle
import pytest

from millstream.datastream import SourceContext
from millstream.datastream.connectors import SocketTextStreamFunction
from millstream.datastream.functions import FunctionSnapshotContext


class Collected(SourceContext):
    def __init__(self) -> None:
        self.values: list[Any] = []
        self.first = threading.Event()

    def collect(self, element: Any) -> None:
        self.values.append(element)
        self.first.set()

    def collect_with_timestamp(self, element: Any, timestamp: int) -> None:
        raise NotImplementedError

    def emit_watermark(self, timestamp: int) -> None:
        raise NotImplementedError

    def mark_as_temporarily_idle(self) -> None:
        raise NotImplementedError

    def get_checkpoint_lock(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def close(self) -> None:
        pass


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening


def _serve(server: socket.socket, *sent: bytes) -> threading.Thread:
    """Accept one connection after the other; send one text to each and close it."""

    def run() -> None:
        for text in sent:
            connection, _ = server.accept()
            with connection:
                connection.sendall(text)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def _port(server: socket.socket) -> int:
    port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("sent", "delimiter", "lines"),
    [
        (b"a\nb\r\n\nc", "\n", ["a", "b", "", "c"]),
        (b"a;b\r;", ";", ["a", "b\r"]),
        (b"a||b", "||", ["a", "b"]),
        ("é\n€".encode(), "\n", ["é", "€"]),
        (b"", "\n", []),
    ],
)
def test_lines(server: socket.socket, sent: bytes, delimiter: str, lines: list[str]) -> None:
    thread = _serve(server, sent)
    collected = Collected()
    function = SocketTextStreamFunction("127.0.0.1", _port(server), delimiter)
    cloudpickle.loads(cloudpickle.dumps(function)).run(collected)
    thread.join(10)
    assert collected.values == lines


def test_connecting_again(server: socket.socket) -> None:
    thread = _serve(server, b"a\nhal", b"f\nb\n")
    collected = Collected()
    SocketTextStreamFunction("127.0.0.1", _port(server), max_retry=1).run(collected)
    thread.join(10)
    assert collected.values == ["a", "half", "b"]


def test_nobody_listens(server: socket.socket) -> None:
    port = _port(server)
    server.close()
    with pytest.raises(ConnectionError, match=f"127.0.0.1:{port} failed.*max_retry"):
        SocketTextStreamFunction("127.0.0.1", port).run(Collected())


def test_cancel_ends_a_waiting_run(server: socket.socket) -> None:
    collected = Collected()
    function = SocketTextStreamFunction("127.0.0.1", _port(server), max_retry=-1)
    thread = threading.Thread(target=function.run, args=(collected,))
    thread.start()
    connection, _ = server.accept()
    with connection:
        connection.sendall(b"a\nrest")
        assert collected.first.wait(10)
        function.cancel()
        thread.join(10)
    assert not thread.is_alive()
    assert collected.values == ["a"]


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="port"):
        SocketTextStreamFunction("h", 0)
    with pytest.raises(ValueError, match="delimiter"):
        SocketTextStreamFunction("h", 1, "")


def test_it_says_once_that_it_cannot_be_reset(caplog: pytest.LogCaptureFixture) -> None:
    function = SocketTextStreamFunction("localhost", 4242)
    for _ in range(2):
        function.snapshot_state(cast(FunctionSnapshotContext, None))
    (record,) = caplog.records
    assert "localhost:4242 cannot be reset" in record.getMessage()
