from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from millstream.client.remote.errors import ClusterUnreachableError
from millstream.common.errors import (
    DuplicateJobError,
    JobCancelledError,
    JobExecutionError,
    JobNotFoundError,
)
from millstream.common.failure import USER_CODE, FailureInfo
from millstream.common.states import JobStatus
from millstream.common.wire.graph_pb2 import JobGraph

JOB = "0" * 31 + "1"


def submit(cluster: Any) -> Any:
    return cluster.client.submit(JobGraph(job_id=JOB, name="word count"))


def test_a_submitted_job_is_seen_with_its_state_and_details(cluster: Any) -> None:
    job = submit(cluster)
    assert job.get_job_id() == JOB
    assert job.get_job_status() is JobStatus.RUNNING
    assert job.get_job_details().summary.name == "word count"
    assert [summary.job_id for summary in cluster.client.list_jobs()] == [JOB]


def test_the_result_comes_when_the_job_ends(cluster: Any) -> None:
    job = submit(cluster)
    results: list[Any] = []
    waiter = threading.Thread(target=lambda: results.append(job.get_job_execution_result()))
    waiter.start()
    cluster.on_loop(cluster.dispatcher.set_state, JOB, JobStatus.FINISHED)
    waiter.join(10)
    assert results[0].get_job_id() == JOB
    assert results[0].get_net_runtime() == 250
    assert results[0].details.summary.state == "FINISHED"


def test_a_failed_job_raises_what_it_failed_with(cluster: Any) -> None:
    job = submit(cluster)
    failure = FailureInfo(kind=USER_CODE, exception_type="ValueError", message="bad price", subtask_index=-1)
    cluster.on_loop(cluster.dispatcher.set_state, JOB, JobStatus.FAILED, failure=failure)
    with pytest.raises(JobExecutionError, match=r"^ValueError: bad price") as raised:
        job.get_job_execution_result()
    assert raised.value.job_id == JOB


def test_a_failed_job_without_a_recorded_cause_still_raises(cluster: Any) -> None:
    job = submit(cluster)
    cluster.on_loop(cluster.dispatcher.set_state, JOB, JobStatus.FAILED)
    with pytest.raises(JobExecutionError, match="no cause"):
        job.get_job_execution_result()


def test_waiting_for_a_cancelled_job_raises(cluster: Any) -> None:
    job = submit(cluster)
    job.cancel()
    assert job.get_job_status() is JobStatus.CANCELED
    with pytest.raises(JobCancelledError, match=JOB):
        job.get_job_execution_result()


def test_waiting_ends_with_the_time_limit_and_names_the_state(cluster: Any) -> None:
    job = submit(cluster)
    with pytest.raises(TimeoutError, match="RUNNING"):
        job.get_job_execution_result(timedelta(milliseconds=30))
    assert job.get_job_status() is JobStatus.RUNNING


def test_a_job_id_that_was_used_before_is_refused(cluster: Any) -> None:
    submit(cluster)
    with pytest.raises(DuplicateJobError, match=JOB):
        submit(cluster)


def test_an_unknown_job_is_named(cluster: Any) -> None:
    with pytest.raises(JobNotFoundError, match=JOB):
        cluster.client.job(JOB).cancel()
    with pytest.raises(JobNotFoundError, match=JOB):
        cluster.client.job(JOB).get_job_execution_result()


def test_an_operator_request_goes_there_and_back(cluster: Any) -> None:
    job = submit(cluster)
    assert job.send_operator_request("a" * 32, 3, b"abc") == b"cba"
    request = cluster.dispatcher.operator_requests[0]
    assert (request.job_id, request.operator_id, request.subtask_index) == (JOB, "a" * 32, 3)


def test_a_new_leader_is_found_without_the_caller_noticing(cluster: Any) -> None:
    job = submit(cluster)
    cluster.on_loop(cluster.elect, "session-2")
    assert job.get_job_status() is JobStatus.RUNNING


def test_nobody_at_the_address_is_said_with_the_mend(cluster: Any) -> None:
    client = cluster.client_at("nowhere:1", timedelta(seconds=5))
    with pytest.raises(ClusterUnreachableError, match=r"at nowhere:1: is the cluster started\?"):
        client.list_jobs()


def test_a_master_without_a_dispatcher_is_unreachable(cluster: Any) -> None:
    cluster.on_loop(cluster.master.unregister, "dispatcher")
    with pytest.raises(ClusterUnreachableError, match=r"answers, but does not lead the cluster: .*dispatcher"):
        cluster.client.list_jobs()
