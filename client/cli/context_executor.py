"""The executor behind ``execute()`` in a program that ``millstream run`` runs, and the job client it gives.

It submits through the executor of the target, tells the user the job's id, and, attached, shows the job's progress
and its end. Ctrl-C leaves a job running in the cluster unless it was asked to cancel it.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from millstream.client.cli.progress import ProgressLine, waits_for_slots
from millstream.client.executors import create_executor
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.config import Configuration, DeploymentOptions
from millstream.common.errors import JobCancelledError, MillstreamError
from millstream.common.execution import JobClient, JobExecutionResult

if TYPE_CHECKING:
    from millstream.client.cli.settings import ClusterSettings
    from millstream.common.ids import JobID
    from millstream.common.states import JobStatus
    from millstream.common.wire.cluster_pb2 import JobDetails
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = ["AttachedJobClient", "ContextExecutor"]

_PROGRESS_INTERVAL = timedelta(milliseconds=500)
_SLOTS_PATIENCE = timedelta(seconds=5)
_CANCEL_WAIT = timedelta(seconds=30)


class ContextExecutor:
    """Submits to the target of the command line (``remote`` unless the settings say otherwise).

    :param settings: of the action.
    :param detached: do not wait for the jobs.
    :param shutdown_on_exit: Ctrl-C cancels the job.
    """

    def __init__(self, settings: ClusterSettings, *, detached: bool, shutdown_on_exit: bool) -> None:
        self._configuration = settings.configuration.copy()
        self._explicit = Configuration.from_map(dict(settings.explicit))
        target = self._configuration.get(DeploymentOptions.TARGET) or "remote"
        self._configuration.set(DeploymentOptions.TARGET, target)
        if detached:
            self._configuration.set(DeploymentOptions.ATTACHED, False)
        self._local = target == "local"
        self._shutdown_on_exit = shutdown_on_exit or self._local
        self._detached = detached
        self._delegate = create_executor(target, self._configuration)
        self._unfinished: list[JobClient] = []
        self.submitted = 0
        """How many jobs the program has submitted."""

    @property
    def configuration(self) -> Configuration:
        """What the program's environments start from."""
        return self._configuration

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient:
        settings = configuration.copy().add_all(self._explicit)
        self.submitted += 1
        client = self._delegate.submit(job_graph, settings)
        click.echo(f"Job has been submitted with JobID {client.get_job_id()}")
        sys.stdout.flush()
        if self._local and self._detached:
            self._unfinished.append(client)
        return AttachedJobClient(client, job_graph.name, cancel_on_interrupt=self._shutdown_on_exit)

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


class AttachedJobClient:
    """A job client that shows progress while it waits and prints the outcome."""

    def __init__(self, client: JobClient, name: str, *, cancel_on_interrupt: bool) -> None:
        self._client = client
        self._name = name
        self._cancel_on_interrupt = cancel_on_interrupt

    def get_job_id(self) -> JobID:
        return self._client.get_job_id()

    def get_job_status(self) -> JobStatus:
        return self._client.get_job_status()

    def cancel(self) -> None:
        self._client.cancel()

    def get_job_details(self) -> JobDetails:
        return self._client.get_job_details()

    def trigger_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        return self._client.trigger_savepoint(directory, format_name)

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, directory: str | None = None, format_name: str = "CANONICAL"
    ) -> str:
        return self._client.stop_with_savepoint(advance_to_end_of_event_time, directory, format_name)

    def cancel_with_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        return self._client.cancel_with_savepoint(directory, format_name)

    def send_operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes:
        return self._client.send_operator_request(operator_id, subtask_index, payload)

    def get_job_execution_result(self, timeout: timedelta | None = None) -> JobExecutionResult:
        line = ProgressLine(sys.stdout)
        if isinstance(self._client, RpcJobClient):
            self._client.cluster.on_new_leader = lambda text: _tell_beside(line, text)
        try:
            result = self._wait(line, timeout)
        except KeyboardInterrupt:
            line.clear()
            self._interrupted()
            raise
        finally:
            line.clear()
        self._print_result(result)
        return result

    def _wait(self, line: ProgressLine, timeout: timedelta | None) -> JobExecutionResult:
        if not line.visible:
            if timeout is not None:
                return self._client.get_job_execution_result(timeout)
            try:
                return self._client.get_job_execution_result(_SLOTS_PATIENCE)
            except TimeoutError:
                self._tell_of_missing_slots()
            return self._client.get_job_execution_result()
        deadline = None if timeout is None else time.monotonic() + timeout.total_seconds()
        while True:
            interval = _PROGRESS_INTERVAL
            if deadline is not None:
                interval = min(interval, timedelta(seconds=max(0.0, deadline - time.monotonic())))
            try:
                return self._client.get_job_execution_result(interval)
            except TimeoutError:
                if deadline is not None and time.monotonic() >= deadline:
                    raise
            line.show(self._client.get_job_details())

    def _tell_of_missing_slots(self) -> None:
        """Without a progress line nothing else shows why a job does not begin."""
        if waits_for_slots(self._client.get_job_details().task_counts):
            sys.stdout.flush()
            click.echo(
                f"Job {self._client.get_job_id()} waits for free slots; it fails if there are too few when "
                "slot.request.timeout is over.",
                err=True,
            )

    def _interrupted(self) -> None:
        job_id = self._client.get_job_id()
        if not self._cancel_on_interrupt:
            click.echo(
                f"Detached: job {job_id} goes on in the cluster.\n"
                f'"millstream cancel {job_id}" cancels it, "millstream list" shows it.'
            )
            return
        click.echo(f"Cancelling job {job_id}.")
        try:
            self._client.cancel()
            self._client.get_job_execution_result(_CANCEL_WAIT)
        except JobCancelledError:
            click.echo(f"Cancelled job {job_id}.")
        except (MillstreamError, TimeoutError) as error:
            click.echo(f"Job {job_id} could not be seen to end: {error}", err=True)

    @staticmethod
    def _print_result(result: JobExecutionResult) -> None:
        lines = [
            "Program execution finished",
            f"Job with JobID {result.get_job_id()} has finished.",
            f"Job Runtime: {result.get_net_runtime()} ms",
        ]
        accumulators = result.get_all_accumulator_results()
        if accumulators:
            lines.append("Accumulator Results: ")
            lines += [f"- {name} ({type(value).__name__}): {value}" for name, value in accumulators.items()]
        click.echo("\n".join(lines) + "\n")


def _tell_beside(line: ProgressLine, text: str) -> None:
    line.clear()
    click.echo(text, err=True)
