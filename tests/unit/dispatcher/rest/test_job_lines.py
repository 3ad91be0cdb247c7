"""The overview of all jobs is the same as if each line were written anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.wire.cluster_pb2 import JobSummary
from millstream.dispatcher.rest.job_lines import JobLines
from millstream.dispatcher.rest.payloads.jobs import jobs_overview

_JOBS = st.lists(
    st.builds(
        JobSummary,
        job_id=st.sampled_from([digit * 32 for digit in "abcdef"]),
        name=st.sampled_from(['quoted "name"', "Größe"]),
        state=st.sampled_from(["FINISHED", "FAILED"]),
        start_time_ms=st.integers(1, 3),
        end_time_ms=st.just(0) | st.integers(4, 6),
        tasks_total=st.integers(0, 3),
        task_counts=st.just({"FINISHED": 2}),
    ),
    max_size=5,
    unique_by=lambda job: job.job_id,
)


@given(listings=st.lists(_JOBS, max_size=4))
def test_kept_lines_are_those_of_the_jobs(listings: list[list[JobSummary]]) -> None:
    lines = JobLines()
    known: dict[tuple[str, int, int], JobSummary] = {}
    for now_ms, listing in enumerate(listings, 10):
        # Nothing of a job changes once it has ended.
        jobs = [known.setdefault((job.job_id, job.start_time_ms, job.end_time_ms), job) for job in listing]
        written = lines.overview(jobs, now_ms)
        assert written.decode() == jobs_overview(jobs, now_ms).model_dump_json(by_alias=True)
