"""A real cluster for tests: masters and TaskManagers as processes of their own, on free ports of this machine.

Unlike the MiniCluster it shows what happens when a process is killed, or hangs. With high availability in its settings
it has several masters, of which one leads. Every process is ended by its id.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from millstream.client.remote.connection import connect, disconnect, leader_directory
from millstream.client.remote.dispatcher_leader import DISPATCHER
from millstream.common.config import (
    Configuration,
    HighAvailabilityOptions,
    JobManagerOptions,
    RestOptions,
    TaskManagerOptions,
)
from millstream.common.errors import MillstreamError
from millstream.common.high_availability.mode import uses_zookeeper
from millstream.testing.host import Host

if TYPE_CHECKING:
    from millstream.client.remote.cluster_client import ClusterClient

__all__ = ["ProcessCluster", "eventually", "free_port"]

_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_POLL_SECONDS = 0.02
_LOOK_UP_SECONDS = 30.0
_NO_REST = -1


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def eventually(condition: Callable[[], object], what: str, timeout: float = 30.0) -> None:
    """Wait until ``condition`` holds.

    :raises AssertionError: it did not within ``timeout`` seconds; the message says ``what`` was waited for.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        time.sleep(_POLL_SECONDS)


class ProcessCluster:
    """Masters and TaskManagers as subprocesses; use it in a ``with`` statement.

    :param directory: for the logs, one file per process.
    :param task_managers: how many.
    :param slots: of each.
    :param settings: more configuration, for all processes.
    :param masters: how many; more than one need high availability in the settings.
    :param environment: more environment variables of all processes.
    :param master_hosts: where each master runs; this machine if there are none.
    :param task_manager_hosts: where TaskManagers run, by turns; this machine if there are none.
    :param rest: whether the masters serve the REST interface.
    :ivar masters: by number, those that were ended left out.
    """

    def __init__(
        self,
        directory: Path,
        task_managers: int = 1,
        slots: int = 2,
        settings: Mapping[str, str] | None = None,
        masters: int = 1,
        environment: Mapping[str, str] | None = None,
        master_hosts: Sequence[Host] = (),
        task_manager_hosts: Sequence[Host] = (),
        rest: bool = False,
    ) -> None:
        self._directory = directory
        self._wanted = task_managers
        self._slots = slots
        self.configuration = Configuration.from_map(dict(settings or {}))
        self.configuration.set(TaskManagerOptions.NUM_TASK_SLOTS, slots)
        self._highly_available = uses_zookeeper(self.configuration)
        if masters > 1 and not self._highly_available:
            raise ValueError(f"{masters} masters need {HighAvailabilityOptions.TYPE.key}: zookeeper in the settings")
        self._environment = dict(environment or {})
        self._master_hosts = tuple(master_hosts)
        self._task_manager_hosts = tuple(task_manager_hosts)
        self._ports = [free_port() for _ in range(masters)]
        self._rest_ports = [free_port() if rest else _NO_REST for _ in range(masters)]
        if not self._highly_available:
            self.configuration.set(JobManagerOptions.PORT, self._ports[0])
        self.masters: dict[int, subprocess.Popen[bytes]] = {}
        self.task_managers: list[subprocess.Popen[bytes]] = []
        self._frozen: set[int] = set()

    @property
    def port(self) -> int:
        """RPC port of the first master."""
        return self._ports[0]

    @property
    def address(self) -> str:
        """Of the first master."""
        return self.address_of(0)

    @property
    def master(self) -> subprocess.Popen[bytes] | None:
        """The first master's process."""
        return self.masters.get(0)

    @property
    def client(self) -> ClusterClient:
        """A blocking client of the master that leads, on the process's shared connection."""
        return connect(self.configuration)

    def address_of(self, master: int) -> str:
        """Of a master's RPC service."""
        host = self._master_hosts[master].address if self._master_hosts else "localhost"
        return f"{host}:{self._ports[master]}"

    def rest_url(self, master: int = 0) -> str:
        """Where a master serves the REST interface, if it does."""
        return f"http://localhost:{self._rest_ports[master]}"

    def leader(self) -> int:
        """Return the number of the master that leads, as everybody is told.

        :raises MillstreamError: none does at present.
        """
        loop_thread, leaders = leader_directory(self.configuration)
        address = loop_thread.run(leaders.current(DISPATCHER), _LOOK_UP_SECONDS).address
        return [self.address_of(master) for master in range(len(self._ports))].index(address)

    def start(self) -> ProcessCluster:
        """Start all; returns when every slot is there."""
        for master in range(len(self._ports)):
            self.start_master(master)
        for _ in range(self._wanted):
            self.start_task_manager()
        self.wait_for_slots(self._wanted * self._slots)
        for master in range(len(self._ports)):
            self.wait_for_rest(master)
        return self

    def wait_for_rest(self, master: int = 0) -> None:
        """Return when the master's REST interface can be reached, at once if it serves none.

        :raises AssertionError: it does not come up.
        """
        port = self._rest_ports[master]
        if port > 0:
            eventually(lambda: _listens(port), f"master {master} serves the REST interface", _START_SECONDS)

    def start_master(self, master: int = 0) -> subprocess.Popen[bytes]:
        """Start a master, or a killed one again; does not wait for it."""
        name, settings, host = "master", {RestOptions.PORT.key: str(self._rest_ports[master])}, None
        if self._highly_available:
            name = f"master-{master}"
            settings[HighAvailabilityOptions.JOB_MANAGER_PORT.key] = str(self._ports[master])
        if self._master_hosts:
            host = self._master_hosts[master]
            settings |= {JobManagerOptions.ADDRESS.key: host.address, JobManagerOptions.BIND_HOST.key: host.address}
        process = self.masters[master] = self._spawn(name, "millstream.dispatcher.main", settings, host)
        return process

    def start_task_manager(self, host: Host | None = None) -> subprocess.Popen[bytes]:
        """Start another TaskManager; does not wait for it.

        :param host: where; otherwise the next of the cluster's hosts.
        """
        number = len(self.task_managers)
        if host is None and self._task_manager_hosts:
            host = self._task_manager_hosts[number % len(self._task_manager_hosts)]
        settings: dict[str, str] = {}
        if host is not None:
            settings = {TaskManagerOptions.HOST.key: host.address, TaskManagerOptions.BIND_HOST.key: host.address}
        process = self._spawn(f"taskmanager-{number}", "millstream.taskmanager.main", settings, host)
        self.task_managers.append(process)
        return process

    def live_task_managers(self) -> list[subprocess.Popen[bytes]]:
        """Return the TaskManagers whose processes have not ended."""
        return [process for process in self.task_managers if process.poll() is None]

    def worker_pids(self, task_manager: subprocess.Popen[bytes] | None = None) -> list[int]:
        """Return the process ids of slot workers, those that wait for a slot included.

        :param task_manager: whose; ``None``: those of all that live.
        """
        of = self.live_task_managers() if task_manager is None else [task_manager]
        return [worker for process in of for launcher in _children(process.pid) for worker in _children(launcher)]

    def kill_worker(self, pid: int) -> None:
        """End a slot worker without warning; nothing happens if it has just ended by itself."""
        _send(pid, signal.SIGKILL)

    def kill_task_manager(self, process: subprocess.Popen[bytes]) -> None:
        """End a TaskManager without warning; returns when it is gone. Its workers notice by themselves."""
        process.kill()
        process.wait(_STOP_SECONDS)
        self._frozen.discard(process.pid)

    def kill_master(self, master: int = 0) -> None:
        """End a master without warning; returns when it is gone. :meth:`start_master` starts another."""
        process = self.masters.pop(master, None)
        if process is None:
            raise RuntimeError(f"this cluster has no master {master}")
        process.kill()
        process.wait(_STOP_SECONDS)
        self._frozen.discard(process.pid)

    def freeze(self, pid: int) -> None:
        """Stop a process of the cluster as it stands: it lives and does nothing, until :meth:`thaw` or the end."""
        self._frozen.add(pid)
        _send(pid, signal.SIGSTOP)

    def thaw(self, pid: int) -> None:
        """Let a frozen process go on."""
        self._frozen.discard(pid)
        _send(pid, signal.SIGCONT)

    def wait_for_master(self) -> None:
        """Wait until a master leads and answers."""
        eventually(self._answers, f"the master answers\n{self.logs()}", _START_SECONDS)

    def wait_for_slots(self, slots: int) -> None:
        """Wait until the cluster has that many slots, all free."""
        eventually(lambda: self._free_slots() == slots, f"{slots} free slots\n{self.logs()}", _START_SECONDS)

    def logs(self) -> str:
        """Return the last lines of every process's log, for the message of a failed test."""
        parts = []
        for path in sorted(self._directory.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-15:]
            parts.append(f"--- {path.name}\n" + "\n".join(lines))
        return "\n".join(parts)

    def close(self) -> None:
        """End all processes: by SIGTERM, then SIGKILL."""
        for pid in list(self._frozen):
            self.thaw(pid)
        processes = [*self.task_managers, *self.masters.values()]
        try:
            for process in processes:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
            deadline = time.monotonic() + _STOP_SECONDS
            for process in processes:
                try:
                    process.wait(max(0.1, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(_STOP_SECONDS)
        finally:
            disconnect()
            self.task_managers.clear()
            self.masters.clear()

    def __enter__(self) -> ProcessCluster:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _free_slots(self) -> int:
        for process in (*self.masters.values(), *self.task_managers):
            if process.poll() is not None and process.returncode > 0:
                raise AssertionError(f"{process.args!r} ended with status {process.returncode}\n{self.logs()}")
        try:
            return self.client.overview().slots_available
        except MillstreamError:
            return -1

    def _answers(self) -> bool:
        try:
            self.client.overview()
        except MillstreamError:
            return False
        return True

    def _spawn(
        self, name: str, module: str, own_settings: Mapping[str, str], host: Host | None = None
    ) -> subprocess.Popen[bytes]:
        self._directory.mkdir(parents=True, exist_ok=True)
        settings = [f"-D{key}={value}" for key, value in {**self.configuration.to_map(), **own_settings}.items()]
        # No configuration file but the settings, wherever the tests are run.
        environment = {key: value for key, value in os.environ.items() if key != "MILLSTREAM_CONF_DIR"}
        environment |= self._environment
        with (self._directory / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*(host.command if host is not None else ()), sys.executable, "-m", module, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._directory,
                env=environment,
            )


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it has just ended by itself


def _children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended, as the kernel knows them."""
    found: list[int] = []
    for children in Path("/proc", str(pid), "task").glob("*/children"):
        try:
            found += map(int, children.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # the thread has just ended
    return found
