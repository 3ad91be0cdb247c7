"""``millstream list``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from millstream.client.cli.action_failure import failed_with
from millstream.client.cli.job_documents import job_document
from millstream.common.errors import MillstreamError
from millstream.common.states import JobStatus

if TYPE_CHECKING:
    from millstream.client.cli.output import Output
    from millstream.client.cli.settings import ClusterSettings
    from millstream.common.wire.cluster_pb2 import JobSummary

__all__ = ["list_action", "start_text"]

_RUNNING_HEADER = "------------------ Running/Restarting Jobs -------------------"
_SCHEDULED_HEADER = "----------------------- Scheduled Jobs -----------------------"
_TERMINATED_HEADER = "---------------------- Terminated Jobs -----------------------"
_FOOTER = "--------------------------------------------------------------"

_SCHEDULED = (JobStatus.CREATED, JobStatus.INITIALIZING)


class ListFailedError(MillstreamError):
    """The jobs could not be listed; the cause says why."""


def list_action(settings: ClusterSettings, *, running: bool, scheduled: bool, everything: bool) -> int:
    """Print the jobs of the wanted states, each section by start time."""
    from millstream.client.remote.connection import connect

    output = settings.output
    output.say("Waiting for response...")
    try:
        jobs = connect(settings.configuration).list_jobs()
    except MillstreamError as cause:
        failure = ListFailedError("Failed to retrieve job list.")
        failure.__cause__ = cause
        failed_with(settings, failure)
        return 1
    by_default = not running and not scheduled
    in_order = sorted(jobs, key=lambda job: (job.start_time_ms, job.job_id))
    sections = [
        _Section(_RUNNING_HEADER, "No running jobs.", running or by_default or everything, _is_running),
        _Section(_SCHEDULED_HEADER, "No scheduled jobs.", scheduled or by_default or everything, _is_scheduled),
        _Section(_TERMINATED_HEADER, "No terminated jobs.", everything, JobStatus.is_globally_terminal),
    ]
    wanted = [section for section in sections if section.wanted]
    for section in wanted:
        _show(section, section.of(in_order), output)
    now_ms = int(time.time() * 1000)
    shown = [job_document(job, now_ms) for job in in_order if any(section.holds(job) for section in wanted)]
    output.document({"jobs": shown})
    return 0


@dataclass(frozen=True, slots=True)
class _Section:
    header: str
    if_empty: str
    wanted: bool
    condition: Callable[[JobStatus], bool]

    def holds(self, job: JobSummary) -> bool:
        return self.condition(JobStatus(job.state))

    def of(self, jobs: Iterable[JobSummary]) -> list[JobSummary]:
        return [job for job in jobs if self.holds(job)]


def _is_scheduled(state: JobStatus) -> bool:
    return state in _SCHEDULED


def _is_running(state: JobStatus) -> bool:
    return state not in _SCHEDULED and not state.is_globally_terminal()


def _show(section: _Section, jobs: list[JobSummary], output: Output) -> None:
    if not jobs:
        output.say(section.if_empty)
        return
    if output.terminal:
        from millstream.client.cli.terminal.job_table import print_jobs

        print_jobs(section.header.strip("- "), jobs)
        return
    lines = [f"{start_text(job.start_time_ms)} : {job.job_id} : {job.name} ({job.state})" for job in jobs]
    output.say("\n".join([section.header, *lines, _FOOTER]))


def start_text(start_time_ms: int) -> str:
    """Return a time of day as Flink prints it, of this machine's zone."""
    return datetime.fromtimestamp(start_time_ms / 1000, timezone.utc).astimezone().strftime("%d.%m.%Y %H:%M:%S")
