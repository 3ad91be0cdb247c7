"""The job client of a program that ``millstream run`` runs: it shows how the job gets on, and its end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from millstream.client.cli.output import Output
from millstream.client.cli.progress import waits_for_slots
from millstream.client.remote.job_client import RpcJobClient
from millstream.common.errors import JobCancelledError, MillstreamError
from millstream.common.execution import JobClient, JobExecutionResult
from millstream.common.wire.checkpoint_pb2 import JobCheckpoints

if TYPE_CHECKING:
    from millstream.client.cli.terminal.live_job import LiveJob
    from millstream.common.ids import JobID
    from millstream.common.states import JobStatus
    from millstream.common.wire.cluster_pb2 import JobDetails

__all__ = ["AttachedJobClient"]

_PROGRESS_INTERVAL: Final = timedelta(milliseconds=500)
_SLOTS_PATIENCE: Final = timedelta(seconds=5)
_CANCEL_WAIT: Final = timedelta(seconds=30)


class AttachedJobClient:
    """A job client that shows progress while it waits and prints the outcome.

    :param output: where words go; on a terminal there is a live view.
    :param quiet: without the view.
    :param cancel_on_interrupt: Ctrl-C cancels the job.
    :param on_result: is told of the end.
    """

    def __init__(
        self,
        client: JobClient,
        output: Output,
        *,
        quiet: bool,
        cancel_on_interrupt: bool,
        on_result: Callable[[JobExecutionResult], None],
    ) -> None:
        self._client = client
        self._output = output
        self._quiet = quiet
        self._cancel_on_interrupt = cancel_on_interrupt
        self._on_result = on_result

    def get_job_id(self) -> JobID:
        return self._client.get_job_id()

    def get_job_status(self) -> JobStatus:
        return self._client.get_job_status()

    def cancel(self) -> None:
        self._client.cancel()

    def get_job_details(self) -> JobDetails:
        return self._client.get_job_details()

    def get_accumulators(self) -> dict[str, Any]:
        return self._client.get_accumulators()

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
        view: LiveJob | None = None
        if self._output.terminal and not self._quiet:
            from millstream.client.cli.terminal.live_job import LiveJob

            view = LiveJob()
        try:
            result = self._wait(timeout) if view is None else self._watch(view, timeout)
        except KeyboardInterrupt:
            if view is not None:
                view.clear()
            self._interrupted()
            raise
        finally:
            if view is not None:
                view.clear()
        self._tell(result)
        if view is not None and isinstance(self._client, RpcJobClient):
            view.report(self._client.get_job_details())
        self._on_result(result)
        return result

    def _wait(self, timeout: timedelta | None) -> JobExecutionResult:
        if isinstance(self._client, RpcJobClient):
            self._client.cluster.on_new_leader = lambda text: print(text, file=sys.stderr)
        if timeout is not None:
            return self._client.get_job_execution_result(timeout)
        try:
            return self._client.get_job_execution_result(_SLOTS_PATIENCE)
        except TimeoutError:
            self._tell_of_missing_slots()
        return self._client.get_job_execution_result()

    def _watch(self, view: LiveJob, timeout: timedelta | None) -> JobExecutionResult:
        if isinstance(self._client, RpcJobClient):
            self._client.cluster.on_new_leader = lambda text: print(text, file=sys.stderr)
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
            known = self._client.get_checkpoints() if isinstance(self._client, RpcJobClient) else JobCheckpoints()
            view.show(self._client.get_job_details(), known)

    def _tell_of_missing_slots(self) -> None:
        """Without a view nothing else shows why a job does not begin."""
        if waits_for_slots(self._client.get_job_details().task_counts):
            sys.stdout.flush()
            print(
                f"Job {self._client.get_job_id()} waits for free slots; it fails if there are too few when "
                "slot.request.timeout is over.",
                file=sys.stderr,
            )

    def _interrupted(self) -> None:
        job_id = self._client.get_job_id()
        if not self._cancel_on_interrupt:
            self._output.say(
                f"Detached: job {job_id} goes on in the cluster.\n"
                f'"millstream cancel {job_id}" cancels it, "millstream list" shows it.'
            )
            return
        self._output.say(f"Cancelling job {job_id}.")
        try:
            self._client.cancel()
            self._client.get_job_execution_result(_CANCEL_WAIT)
        except JobCancelledError:
            self._output.say(f"Cancelled job {job_id}.")
        except (MillstreamError, TimeoutError) as error:
            print(f"Job {job_id} could not be seen to end: {error}", file=sys.stderr)

    def _tell(self, result: JobExecutionResult) -> None:
        lines = [
            "Program execution finished",
            f"Job with JobID {result.get_job_id()} has finished.",
            f"Job Runtime: {result.get_net_runtime()} ms",
        ]
        lines += result.accumulator_lines()
        self._output.say("\n".join(lines) + "\n")
