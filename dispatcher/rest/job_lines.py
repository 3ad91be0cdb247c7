"""Writes the overview of all jobs, which every open page asks for every few seconds.

Most jobs of a cluster that has run for a while have ended. Nothing of an ended job changes any more, so its line is
written once and kept for as long as the job is listed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from millstream.common.wire.cluster_pb2 import JobSummary
from millstream.dispatcher.rest.payloads.jobs import job_overview

__all__ = ["JobLines"]


@dataclass(frozen=True, slots=True)
class _Line:
    """The line of an ended job, and what tells it from another job that was given the same id."""

    started_ms: int
    ended_ms: int
    json: bytes


class JobLines:
    """Keeps the lines of the jobs that were listed last."""

    def __init__(self) -> None:
        self._ended: dict[str, _Line] = {}

    def overview(self, jobs: Iterable[JobSummary], now_ms: int) -> bytes:
        """Return a :class:`~millstream.dispatcher.rest.messages.jobs.JobsOverview` of these jobs as JSON."""
        before, self._ended = self._ended, {}
        return b'{"jobs":[' + b",".join([self._line(job, before, now_ms) for job in jobs]) + b"]}"

    def _line(self, job: JobSummary, before: dict[str, _Line], now_ms: int) -> bytes:
        ended_ms = job.end_time_ms
        if not ended_ms:
            return _json(job, now_ms)
        job_id, started_ms = job.job_id, job.start_time_ms
        line = before.get(job_id)
        if line is None or line.ended_ms != ended_ms or line.started_ms != started_ms:
            line = _Line(started_ms, ended_ms, _json(job, now_ms))
        self._ended[job_id] = line
        return line.json


def _json(job: JobSummary, now_ms: int) -> bytes:
    return job_overview(job, now_ms).model_dump_json(by_alias=True).encode()
