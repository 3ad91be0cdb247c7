"""Only workers that know the job's secret get through, on both sides."""

from __future__ import annotations

import pytest

from millstream.taskmanager.network.frames import Challenge, Consumed, Hello, Proof, Refused
from millstream.taskmanager.network.handshake import ClientHandshake, HandshakeError, ServerHandshake

_SECRET = b"s" * 32


def _pair(client_secret: bytes = _SECRET, server_secret: bytes = _SECRET) -> tuple[ClientHandshake, ServerHandshake]:
    client = ClientHandshake(client_secret, b"c" * 32, 1024, "slot-a")
    return client, ServerHandshake(server_secret, b"n" * 32)


def test_both_sides_prove_themselves() -> None:
    client, server = _pair()
    challenge = server.on_frame(client.start())
    assert challenge is not None
    assert server.peer is None
    assert server.on_frame(client.on_frame(challenge)) is None
    assert server.peer is not None
    assert (server.peer.name, server.peer.buffer_size) == ("slot-a", 1024)


def test_the_reader_refuses_a_producer_of_another_job() -> None:
    client, server = _pair(server_secret=b"x" * 32)
    challenge = server.on_frame(client.start())
    assert challenge is not None
    with pytest.raises(HandshakeError, match="does not know this job's secret"):
        client.on_frame(challenge)


def test_the_producer_refuses_a_reader_of_another_job() -> None:
    _, server = _pair()
    server.on_frame(Hello(b"c" * 32, 1024, "slot-a"))
    with pytest.raises(HandshakeError, match="does not know this job's secret"):
        server.on_frame(Proof(b"\0" * 32))
    assert server.peer is None


def test_a_proof_cannot_be_sent_back_or_used_again() -> None:
    client, server = _pair()
    challenge = server.on_frame(client.start())
    assert isinstance(challenge, Challenge)
    with pytest.raises(HandshakeError, match="secret"):
        server.on_frame(Proof(challenge.proof))
    proof = client.on_frame(challenge)
    later = ServerHandshake(_SECRET, b"m" * 32)
    later.on_frame(client.start())
    with pytest.raises(HandshakeError, match="secret"):
        later.on_frame(proof)


def test_what_was_said_is_covered_by_the_proof() -> None:
    client, server = _pair()
    hello = client.start()
    challenge = server.on_frame(Hello(hello.nonce, hello.buffer_size + 1, hello.name))
    assert challenge is not None
    with pytest.raises(HandshakeError, match="secret"):
        client.on_frame(challenge)


def test_another_version_is_named() -> None:
    _, server = _pair()
    with pytest.raises(HandshakeError, match=r"speaks version 9 .* this worker 1"):
        server.on_frame(Hello(b"c" * 32, 1024, "slot-a", version=9))


def test_frames_out_of_turn_are_refused() -> None:
    client, server = _pair()
    with pytest.raises(HandshakeError, match="Consumed came where HELLO"):
        server.on_frame(Consumed(1))
    server.on_frame(client.start())
    with pytest.raises(HandshakeError, match="Hello came where PROOF"):
        server.on_frame(client.start())
    with pytest.raises(HandshakeError, match="Consumed came where CHALLENGE"):
        client.on_frame(Consumed(1))
    with pytest.raises(HandshakeError, match="refused the connection: because"):
        client.on_frame(Refused("because"))
