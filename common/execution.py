"""How a program's job gets to a cluster: the seam between the API and the client.

``env.execute()`` (package ``datastream``) must not know embedded clusters or gRPC clients (package ``client``), which
lie above it. It hands the JobGraph to a :class:`PipelineExecutor` that this module loads by the target's name, as
Flink does with its ``PipelineExecutorFactory`` service.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, cast

from millstream.common.errors import AccumulatorError
from millstream.common.ids import JobID
from millstream.common.states import JobStatus

if TYPE_CHECKING:
    from millstream.common.config import Configuration
    from millstream.common.wire.cluster_pb2 import JobDetails
    from millstream.common.wire.graph_pb2 import JobGraph

__all__ = [
    "JobClient",
    "JobExecutionResult",
    "OperatorResultFetcher",
    "PipelineExecutor",
    "context_configuration",
    "load_executor",
    "set_context_executor",
]

_FACTORY_MODULE = "millstream.client.executors"


@dataclass(frozen=True, slots=True)
class JobExecutionResult:
    """What is known of a job that has finished.

    :ivar accumulators: by name, those whose values could be had.
    :ivar accumulator_failures: by name, why the value of another could not.
    """

    job_id: JobID
    net_runtime_ms: int
    accumulators: dict[str, Any] = field(default_factory=dict)
    details: JobDetails | None = field(default=None, repr=False)
    accumulator_failures: dict[str, str] = field(default_factory=dict)

    def get_job_id(self) -> JobID:
        return self.job_id

    def get_net_runtime(self) -> int:
        """Runtime in ms, without the time to start."""
        return self.net_runtime_ms

    def get_accumulator_result(self, accumulator_name: str) -> Any:
        """``None`` if the job had no such accumulator.

        :raises AccumulatorError: its value could not be had.
        """
        if accumulator_name in self.accumulator_failures:
            raise AccumulatorError(self.accumulator_failures[accumulator_name])
        return self.accumulators.get(accumulator_name)

    def get_all_accumulator_results(self) -> dict[str, Any]:
        """By name.

        :raises AccumulatorError: the value of one could not be had; :meth:`get_accumulator_result` gives the others.
        """
        if self.accumulator_failures:
            raise AccumulatorError("\n".join(self.accumulator_failures.values()))
        return dict(self.accumulators)

    def accumulator_lines(self) -> list[str]:
        """The accumulators for people, with a heading if there are any."""
        if not self.accumulators and not self.accumulator_failures:
            return []
        return [
            "Accumulator Results: ",
            *(f"- {name} ({type(value).__name__}): {value}" for name, value in self.accumulators.items()),
            *(f"- {name}: {failure}" for name, failure in self.accumulator_failures.items()),
        ]

    def is_job_execution_result(self) -> bool:
        return True

    def __str__(self) -> str:
        if self.net_runtime_ms < 0:
            return f"DetachedJobExecutionResult\nJob with JobID {self.job_id} has been submitted.\n"
        lines = [
            "Program execution finished",
            f"Job with JobID {self.job_id} has finished.",
            f"Job Runtime: {self.net_runtime_ms} ms",
        ]
        lines += self.accumulator_lines()
        return "\n".join(lines) + "\n"


class OperatorResultFetcher(Protocol):
    """Speaks to one operator subtask of a running job."""

    def __call__(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes: ...


class JobClient(Protocol):
    """A submitted job, seen from the program. Methods block; none needs an event loop of the caller's."""

    def get_job_id(self) -> JobID: ...

    def get_job_status(self) -> JobStatus: ...

    def cancel(self) -> None:
        """Ask for cancellation and return when the cluster has accepted it."""
        ...

    def get_job_execution_result(self, timeout: timedelta | None = None) -> JobExecutionResult:
        """Wait for the end.

        :raises JobExecutionError: the job failed.
        :raises JobCancelledError: it was cancelled.
        :raises TimeoutError: it did not end in time.
        """
        ...

    def get_job_details(self) -> JobDetails: ...

    def get_accumulators(self) -> dict[str, Any]:
        """Return what the job's functions have counted so far, by name.

        :raises AccumulatorError: the value of one is not to be had.
        """
        ...

    def trigger_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        """Take a savepoint and return its path.

        :param directory: in which its own directory is made; ``None``: ``execution.checkpointing.savepoint-dir``.
        :param format_name: ``CANONICAL`` or ``NATIVE``.
        :raises SavepointError: it failed; the job runs on.
        """
        ...

    def stop_with_savepoint(
        self, advance_to_end_of_event_time: bool, directory: str | None = None, format_name: str = "CANONICAL"
    ) -> str:
        """Take a savepoint, end the job after it and return the savepoint's path.

        :param advance_to_end_of_event_time: the input ends before the savepoint: timers fire, windows close.
        :raises SavepointError: it failed.
        """
        ...

    def cancel_with_savepoint(self, directory: str | None = None, format_name: str = "CANONICAL") -> str:
        """Take a savepoint, cancel the job when it is complete and return its path.

        :raises SavepointError: it failed; the job runs on.
        """
        ...

    def send_operator_request(self, operator_id: str, subtask_index: int, payload: bytes) -> bytes: ...


class PipelineExecutor(Protocol):
    """Submits JobGraphs to one kind of cluster."""

    def submit(self, job_graph: JobGraph, configuration: Configuration) -> JobClient: ...

    def default_parallelism(self, configuration: Configuration) -> int:
        """Parallelism of programs that set none."""
        ...

    def attached(self) -> bool:
        """Whether ``execute()`` should wait for the end of the job."""
        ...


_context_executor: Sequence[PipelineExecutor] = ()
_context_configuration: Sequence[Configuration] = ()


def set_context_executor(executor: PipelineExecutor | None, configuration: Configuration | None = None) -> None:
    """Make every environment of this process submit through ``executor`` (the CLI's ``run`` does).

    :param configuration: what new environments start from, instead of the configuration file: it holds the file's
        settings with those of the command line over them.
    """
    global _context_executor, _context_configuration  # noqa: PLW0603  # one per process, as Flink's context environment
    _context_executor = () if executor is None else (executor,)
    _context_configuration = () if configuration is None else (configuration,)


def context_configuration() -> Configuration | None:
    """Return a copy of what new environments of this process start from; ``None``: they read the configuration file."""
    return _context_configuration[0].copy() if _context_configuration else None


def load_executor(target: str, configuration: Configuration) -> PipelineExecutor:
    """Return the executor of ``execution.target`` (``local`` or ``remote``), or the process's context executor."""
    if _context_executor and target in ("", "context"):
        return _context_executor[0]
    factory = importlib.import_module(_FACTORY_MODULE)
    return cast(PipelineExecutor, factory.create_executor(target or "local", configuration))
