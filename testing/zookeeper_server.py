"""Real ZooKeeper servers for tests: one, or an ensemble, on free ports of the loopback interface.

They are Java processes, started from the Debian package ``zookeeper`` or from ``ZOOKEEPER_HOME``, each ended by its
id. Times are short, so that sessions expire within a second.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from millstream.common.errors import MillstreamError
from millstream.testing.host import LOOPBACK, Host

__all__ = ["ZooKeeperMissingError", "ZooKeeperServers", "zookeeper_class_path"]

_MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
_DEBIAN_JAR = Path("/usr/share/java/zookeeper.jar")
_DEBIAN_LOGGER = Path("/usr/share/java/slf4j-simple.jar")
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_ANSWER_SECONDS = 2.0


class ZooKeeperMissingError(MillstreamError):
    """There is no ZooKeeper or no Java on this machine. The message says what to install."""


def zookeeper_class_path() -> str:
    """Return the Java class path of a ZooKeeper server on this machine.

    :raises ZooKeeperMissingError: there is none.
    """
    home = os.environ.get("ZOOKEEPER_HOME")
    if home:
        jars = sorted(Path(home).glob("lib/*.jar")) + sorted(Path(home).glob("*.jar"))
        if not jars:
            raise ZooKeeperMissingError(f"ZOOKEEPER_HOME is {home}, but there are no *.jar files in it or its lib/.")
        return os.pathsep.join(map(str, jars))
    if _DEBIAN_JAR.exists():
        return os.pathsep.join(map(str, (_DEBIAN_JAR, _DEBIAN_LOGGER)))
    raise ZooKeeperMissingError(
        f"There is no ZooKeeper: no {_DEBIAN_JAR}. Install it (Debian, Ubuntu: apt-get install zookeeper), or set"
        " ZOOKEEPER_HOME to where the distribution was unpacked."
    )


@dataclass(frozen=True, slots=True)
class _Ports:
    client: int
    quorum: int
    election: int


class ZooKeeperServers:
    """An ensemble; use it in a ``with`` statement.

    :param directory: for data and logs.
    :param servers: how many: one, or at least three if one is to be missed.
    :param tick_ms: ZooKeeper's unit of time; a session's timeout is at least two of them.
    :param hosts: where each server runs; this machine if there are none.
    """

    def __init__(self, directory: Path, servers: int = 1, tick_ms: int = 200, hosts: Sequence[Host] = ()) -> None:
        if hosts and len(hosts) != servers:
            raise ValueError(f"{servers} servers need as many hosts, not {len(hosts)}")
        self._hosts = tuple(hosts) or (LOOPBACK,) * servers
        self._directory = directory
        self._tick_ms = tick_ms
        self._ports = _free_ports(servers)
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * servers
        self._frozen: set[int] = set()

    @property
    def quorum(self) -> str:
        """As ``high-availability.zookeeper.quorum`` takes it."""
        return ",".join(map(self.address, range(len(self._ports))))

    def address(self, server: int) -> str:
        """The address of one server."""
        return f"{self._hosts[server].address}:{self._ports[server].client}"

    def start(self) -> ZooKeeperServers:
        """Start all servers; returns when each of them serves.

        :raises ZooKeeperMissingError: there is no ZooKeeper here.
        """
        for server in range(len(self._ports)):
            self._spawn(server)
        for server in range(len(self._ports)):
            self._wait_until_it_serves(server)
        return self

    def kill(self, server: int) -> None:
        """End a server without warning; returns when it is gone."""
        process = self._process(server)
        process.kill()
        process.wait(_STOP_SECONDS)
        self._processes[server] = None
        self._frozen.discard(server)

    def restart(self, server: int) -> None:
        """Start a killed server with the data that it had; returns when it serves."""
        if self._processes[server] is not None:
            raise RuntimeError(f"server {server} still runs; kill it first")
        self._spawn(server)
        self._wait_until_it_serves(server)

    def restart_all(self) -> None:
        """End all servers without warning, and start them with the data that they had; returns when each serves."""
        self.close()
        self.start()

    def freeze(self, server: int) -> None:
        """Stop a server as it stands: it lives and answers nothing, until :meth:`thaw` or the end."""
        self._frozen.add(server)
        self._process(server).send_signal(signal.SIGSTOP)

    def thaw(self, server: int) -> None:
        """Let a frozen server go on."""
        self._frozen.discard(server)
        self._process(server).send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End all servers."""
        for server in list(self._frozen):
            self.thaw(server)
        for process in self._processes:
            if process is not None and process.poll() is None:
                process.kill()  # what it knows is of no use to anybody any more
        for process in self._processes:
            if process is not None:
                process.wait(_STOP_SECONDS)
        self._processes = [None] * len(self._ports)

    def __enter__(self) -> ZooKeeperServers:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _process(self, server: int) -> subprocess.Popen[bytes]:
        process = self._processes[server]
        if process is None:
            raise RuntimeError(f"server {server} does not run")
        return process

    def _spawn(self, server: int) -> None:
        java = shutil.which("java")
        class_path = zookeeper_class_path()
        if java is None:
            raise ZooKeeperMissingError(
                "There is no java for ZooKeeper: install it (apt-get install default-jre-headless)."
            )
        home = self._directory / f"server-{server + 1}"
        data = home / "data"
        data.mkdir(parents=True, exist_ok=True)
        (data / "myid").write_text(f"{server + 1}\n")
        (home / "zoo.cfg").write_text(self._configuration(server, data))
        with (home / "log").open("ab") as log:
            self._processes[server] = subprocess.Popen(
                [
                    *self._hosts[server].command,
                    java,
                    "-Xmx128m",
                    "-XX:+UseSerialGC",
                    "-XX:TieredStopAtLevel=1",
                    "-Xshare:auto",
                    "-Dzookeeper.forceSync=no",
                    "-Dzookeeper.admin.enableServer=false",
                    "-cp",
                    class_path,
                    _MAIN,
                    str(home / "zoo.cfg"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=home,
            )

    def _configuration(self, server: int, data: Path) -> str:
        lines = [
            f"tickTime={self._tick_ms}",
            f"dataDir={data}",
            f"clientPort={self._ports[server].client}",
            f"clientPortAddress={self._hosts[server].address}",
            "initLimit=50",
            "syncLimit=10",
            "maxClientCnxns=0",
            "maxSessionTimeout=60000",
            "4lw.commands.whitelist=srvr",
        ]
        if len(self._ports) > 1:
            lines += [
                f"server.{number}={host.address}:{ports.quorum}:{ports.election}"
                for number, (host, ports) in enumerate(zip(self._hosts, self._ports, strict=True), start=1)
            ]
        return "\n".join(lines) + "\n"

    def _wait_until_it_serves(self, server: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._serves(server):
            process = self._process(server)
            if process.poll() is not None or time.monotonic() > deadline:
                log = self._directory / f"server-{server + 1}" / "log"
                lines = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise RuntimeError(f"ZooKeeper server {server} does not serve; the end of {log}:\n{lines}")
            time.sleep(_POLL_SECONDS)

    def _client_address(self, server: int) -> tuple[str, int]:
        return self._hosts[server].address, self._ports[server].client

    def _serves(self, server: int) -> bool:
        """Whether it belongs to a working ensemble."""
        try:
            with socket.create_connection(self._client_address(server), _ANSWER_SECONDS) as connection:
                connection.sendall(b"srvr")
                answer = b""
                while piece := connection.recv(4096):
                    answer += piece
        except OSError:
            return False
        return b"Mode: " in answer


def _free_ports(servers: int) -> list[_Ports]:
    """Ports that nobody listens on now, all of them different."""
    with ExitStack() as probes:
        numbers: list[int] = []
        for _ in range(3 * servers):
            probe = probes.enter_context(socket.socket())
            probe.bind(("127.0.0.1", 0))
            numbers.append(probe.getsockname()[1])
    return [_Ports(*numbers[3 * server : 3 * server + 3]) for server in range(servers)]
