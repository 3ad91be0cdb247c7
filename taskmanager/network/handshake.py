"""How two workers of one job make sure of each other before data flows.

Both prove that they know the job's secret, by an HMAC over both sides' fresh nonces and everything said so far; the
accepting side first, so that a connecting worker never requests data from a stranger. The secret itself is never sent,
and what is sent is of no use a second time. Pure: no I/O; nonces are given.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from millstream.taskmanager.network.frames import (
    PROTOCOL_VERSION,
    Challenge,
    Frame,
    Hello,
    Proof,
    Refused,
    encode_frame,
)

__all__ = ["ClientHandshake", "HandshakeError", "ServerHandshake"]


class HandshakeError(Exception):
    """The peer is not a worker of this job, or of another version."""


@dataclass(frozen=True, slots=True)
class _Transcript:
    """What both sides have seen; a proof covers all of it."""

    hello: Hello
    server_nonce: bytes

    def proof(self, secret: bytes, role: bytes) -> bytes:
        # The role keeps one side's proof from being sent back as the other's.
        message = role + encode_frame(self.hello) + self.server_nonce
        return hmac.new(secret, message, hashlib.sha256).digest()


def _unexpected(frame: Frame, wanted: str) -> HandshakeError:
    return HandshakeError(f"{type(frame).__name__} came where {wanted} was expected")


class ClientHandshake:
    """The connecting (reading) side."""

    __slots__ = ("_hello", "_secret")

    def __init__(self, secret: bytes, nonce: bytes, buffer_size: int, name: str) -> None:
        self._secret = secret
        self._hello = Hello(nonce, buffer_size, name)

    def start(self) -> Hello:
        """Return the first frame to send."""
        return self._hello

    def on_frame(self, frame: Frame) -> Proof:
        """Check the peer's answer; return the last frame to send. After it the connection may be used.

        :raises HandshakeError: the peer refused, or is not of this job.
        """
        if isinstance(frame, Refused):
            raise HandshakeError(f"the peer refused the connection: {frame.reason}")
        if not isinstance(frame, Challenge):
            raise _unexpected(frame, "CHALLENGE")
        transcript = _Transcript(self._hello, frame.nonce)
        if not hmac.compare_digest(frame.proof, transcript.proof(self._secret, b"server")):
            raise HandshakeError("the peer does not know this job's secret; it belongs to another job or is no worker")
        return Proof(transcript.proof(self._secret, b"client"))


class ServerHandshake:
    """The accepting (producing) side."""

    __slots__ = ("_nonce", "_secret", "_transcript", "peer")

    def __init__(self, secret: bytes, nonce: bytes) -> None:
        self._secret = secret
        self._nonce = nonce
        self._transcript: _Transcript | None = None
        self.peer: Hello | None = None
        """What the peer said of itself; set when it has proved itself."""

    def on_frame(self, frame: Frame) -> Challenge | None:
        """Take the peer's next frame; return the answer, or ``None`` when the handshake is complete.

        :raises HandshakeError: the peer is not of this job, or of another version.
        """
        if isinstance(frame, Refused):
            raise HandshakeError(f"the peer refused the connection: {frame.reason}")
        if self._transcript is None:
            if not isinstance(frame, Hello):
                raise _unexpected(frame, "HELLO")
            if frame.version != PROTOCOL_VERSION:
                raise HandshakeError(
                    f"the peer speaks version {frame.version} of the data protocol, this worker {PROTOCOL_VERSION}; "
                    "all TaskManagers of a cluster must run the same Millstream"
                )
            if frame.buffer_size < 1:
                raise HandshakeError("the peer takes buffers of 0 bytes")
            self._transcript = _Transcript(frame, self._nonce)
            return Challenge(self._nonce, self._transcript.proof(self._secret, b"server"))
        if not isinstance(frame, Proof):
            raise _unexpected(frame, "PROOF")
        if not hmac.compare_digest(frame.proof, self._transcript.proof(self._secret, b"client")):
            raise HandshakeError("the peer does not know this job's secret; it belongs to another job or is no worker")
        self.peer = self._transcript.hello
        return None
