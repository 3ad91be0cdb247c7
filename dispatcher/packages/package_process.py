"""A process that runs one package, with all processes it starts: a group, which ends as a whole."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Final

from google.protobuf.message import Message

from millstream.common.config import Configuration
from millstream.common.config.secret import is_secret
from millstream.common.package_messages import LENGTH_BYTES, framed, length_of
from millstream.common.wire.package_run_pb2 import PackageEvent

__all__ = ["PackageProcess", "PackageProcessDiedError"]

_RUNNER: Final = "millstream.client.package_runner"
"""Named, not imported: it lies in a layer above, and never runs in this process."""
_CONF_DIR: Final = "MILLSTREAM_CONF_DIR"
_KEPT_OUTPUT: Final = 64 << 10
_PARTING_SECONDS: Final = 5.0
_KILLED_SECONDS: Final = 5.0


class PackageProcessDiedError(Exception):
    """The process has ended, or said something that it should not, without a last word."""


class PackageProcess:
    """The process, as long as it is asked something. All methods belong to one event loop."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        most_bytes: int,
    ) -> None:
        self._process = process
        self._reader = reader
        self._writer = writer
        self._most_bytes = most_bytes
        self._output = bytearray()
        self._listener = asyncio.get_running_loop().create_task(self._listen())

    @staticmethod
    async def start(directory: Path, configuration: Configuration, most_bytes: int) -> PackageProcess:
        """Start one.

        :param directory: its working directory.
        :param configuration: whose secrets it must not find in its environment.
        :param most_bytes: of a message that is taken from it.
        :raises OSError: the system starts no more processes.
        """
        ours, its = socket.socketpair()
        try:
            with its:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    _RUNNER,
                    stdin=its.fileno(),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=directory,
                    env=_environment(configuration),
                    start_new_session=True,
                )
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()  # a process that is there already ends by that
            raise
        return PackageProcess(process, reader, writer, most_bytes)

    async def send(self, message: Message) -> None:
        """Send a message. That the process is gone is found out by :meth:`receive`."""
        self._writer.write(framed(message))
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()

    async def receive(self) -> PackageEvent:
        """Return what the process says next.

        :raises PackageProcessDiedError: nothing more.
        """
        try:
            length = length_of(await self._reader.readexactly(LENGTH_BYTES))
            if length > self._most_bytes:
                raise PackageProcessDiedError(
                    f"its job is {length:,} bytes long, more than the {self._most_bytes:,} that a message may have"
                )
            return PackageEvent.FromString(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise PackageProcessDiedError(await self._told_end()) from error

    async def part(self) -> None:
        """Let the process come to its own end, after its last word."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._process.wait(), _PARTING_SECONDS)

    async def close(self) -> str:
        """End the process with all that it has started, and return the end of what was printed."""
        try:
            # Its number is not given away as long as the group has members; and before it was waited for, not at all.
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._writer.close()
        await self._process.wait()
        await asyncio.wait({self._listener}, timeout=_KILLED_SECONDS)  # who has left the group may hold the pipe open
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)
        return self._output.decode(errors="replace")

    async def _told_end(self) -> str:
        with contextlib.suppress(asyncio.TimeoutError):
            status = await asyncio.wait_for(self._process.wait(), _PARTING_SECONDS)
            if status < 0:
                return f"it was ended by signal {-status}"
            return f"it ended with exit code {status}"
        return "it has closed its connection"

    async def _listen(self) -> None:
        assert self._process.stdout is not None, "it is a pipe"
        while block := await self._process.stdout.read(_KEPT_OUTPUT):
            self._output += block
            del self._output[:-_KEPT_OUTPUT]


def _environment(configuration: Configuration) -> dict[str, str]:
    """This process's environment without what is secret, and without the way to the configuration's file."""
    secrets = {value for key, value in configuration.to_map().items() if value and is_secret(key)}
    return {
        name: value
        for name, value in os.environ.items()
        if name != _CONF_DIR and not is_secret(name) and not any(secret in value for secret in secrets)
    }
