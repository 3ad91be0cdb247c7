"""The executor behind ``execute()`` in a program that ``millstream run`` runs.

It submits through the executor of the target and tells the user the job's id; the job client it gives shows the job's
progress and its end. Ctrl-C leaves a job running in the cluster unless it was asked to cancel it.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from millstream.client.cli.attached_job_client import AttachedJobClient
from millstream.client.executors import create_executor
from millstream.client.remote.heartbeats import HeartbeatSender
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.config import ClientOptions, Configuration, DeploymentOptions, StateOptions
from millstream.common.execution import JobClient, JobExecutionResult

if TYPE_CHECKING:
    from collections.abc import Sequence

    from millstream.client.cli.settings import ClusterSettings
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["ContextExecutor"]

_RESTORE_PATIENCE: Final = 10.0
_RESTORE_POLL: Final = timedelta(milliseconds=100)
_STARTED: Final = frozenset({"RUNNING", "FINISHED"})


class ContextExecutor:
    """Submits to the target of the command line (``remote`` unless the settings say otherwise).

    :param settings: of the action.
    :param detached: do not wait for the jobs.
    :param shutdown_on_exit: Ctrl-C cancels the job, and so does the cluster when this client is not heard of any more.
    :param quiet: show no progress.
    :param classpaths: import path entries that are there on all machines.
    """

    def __init__(
        self,
        settings: ClusterSettings,
        *,
        detached: bool,
        shutdown_on_exit: bool,
        quiet: bool = False,
        classpaths: Sequence[str] = (),
    ) -> None:
        self._configuration = settings.configuration.copy()
        self._explicit = Configuration.from_map(dict(settings.explicit))
        self._output = settings.output
        target = self._configuration.get(DeploymentOptions.TARGET) or "remote"
        self._configuration.set(DeploymentOptions.TARGET, target)
        if detached:
            self._configuration.set(DeploymentOptions.ATTACHED, False)
        self._local = target == "local"
        shutdown_on_exit |= self._configuration.get(DeploymentOptions.SHUTDOWN_ON_ATTACHED_EXIT)
        self._shutdown_on_exit = shutdown_on_exit or self._local
        self._detached = detached
        self._quiet = quiet
        self._classpaths = tuple(classpaths)
        self._delegate = create_executor(target, self._configuration)
        self._unfinished: list[JobClient] = []
        self._heartbeats: list[HeartbeatSender] = []
        self._jobs: dict[str, dict[str, object]] = {}

    @property
    def configuration(self) -> Configuration:
        """What the program's environments start from."""
        return self._configuration

    @property
    def submitted(self) -> int:
        """How many jobs the program has submitted."""
        return len(self._jobs)

    @property
    def documents(self) -> list[dict[str, object]]:
        """The jobs as scripts are told of them."""
        return list(self._jobs.values())

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        settings = configuration.copy().add_all(self._explicit)
        ends_with_client = self._shutdown_on_exit and not self._detached and not self._local
        timeout = settings.get(ClientOptions.HEARTBEAT_TIMEOUT)
        if ends_with_client:
            job_graph.client_heartbeat_timeout_ms = int(timeout.total_seconds() * 1000)
        job_graph.python_path.extend(path for path in self._classpaths if path not in job_graph.python_path)
        client = self._delegate.submit(job_graph, settings)
        job_id = str(client.get_job_id())
        self._jobs[job_id] = {"jid": job_id, "name": job_graph.name}
        self._output.say(f"Job has been submitted with JobID {job_id}")
        if ends_with_client and isinstance(client, RpcJobClient):
            interval = settings.get(ClientOptions.HEARTBEAT_INTERVAL)
            self._heartbeats.append(HeartbeatSender(client.report_heartbeat, interval, timeout))
        if self._detached:
            if self._local:
                self._unfinished.append(client)
            elif settings.get(StateOptions.RECOVERY_PATH):
                self._await_restore(client)
        return AttachedJobClient(
            client,
            self._output,
            quiet=self._quiet,
            cancel_on_interrupt=self._shutdown_on_exit,
            on_result=self._ended,
        )

    def default_parallelism(self, configuration: Configuration) -> int:
        return self._delegate.default_parallelism(configuration)

    def attached(self) -> bool:
        return not self._detached

    def await_detached_local_jobs(self) -> None:
        """Wait for what was submitted to the embedded cluster with ``-d``: it ends with this process.

        :raises JobExecutionError: one of them failed.
        """
        for client in self._unfinished:
            client.get_job_execution_result()

    def close(self) -> None:
        """The program has ended: give no more signs of life. May be called twice."""
        for heartbeats in self._heartbeats:
            heartbeats.close()

    def _await_restore(self, client: JobClient) -> None:
        """See the job begin from its savepoint, if that does not last long.

        :raises JobExecutionError: it could not.
        """
        deadline = time.monotonic() + _RESTORE_PATIENCE
        while time.monotonic() < deadline:
            try:
                client.get_job_execution_result(_RESTORE_POLL)
                return
            except TimeoutError:
                details = client.get_job_details()
            if details.restarts or details.failure_history:
                self._say_look(client, "It has failed and is being restarted")
                return
            states = {subtask.state for vertex in details.vertices for subtask in vertex.subtasks}
            if states and states <= _STARTED:
                return
        self._say_look(client, "It has not begun yet to run from its savepoint")

    def _say_look(self, client: JobClient, what: str) -> None:
        import click

        click.echo(f'{what}: "millstream list -a" shows what becomes of job {client.get_job_id()}.', err=True)

    def _ended(self, result: JobExecutionResult) -> None:
        job = self._jobs[str(result.get_job_id())]
        job["state"] = "FINISHED"
        job["duration"] = result.get_net_runtime()
        job["accumulators"] = {**result.accumulators, **result.accumulator_failures}
