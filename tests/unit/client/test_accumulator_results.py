"""What the client makes of the accumulators of its own job."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from millstream.client.remote.accumulator_results import accumulator_results
from millstream.client.remote.job_client import execution_result
from millstream.common.accumulators import IntCounter, ListAccumulator
from millstream.common.accumulators.wire_form import encode
from millstream.common.errors import AccumulatorError
from millstream.common.failure import USER_CODE, engine_failure
from millstream.common.wire.cluster_pb2 import AccumulatorValue, JobDetails, JobSummary, SubtaskDetails, VertexDetails


class Refuses(IntCounter):
    def merge(self, other: Any) -> None:
        raise RuntimeError("no two of these")


def _part(accumulator: Any, name: str = "own") -> AccumulatorValue:
    return AccumulatorValue(name=name, type=type(accumulator).__name__, pickled=pickle.dumps(accumulator))


def _details(*parts: AccumulatorValue) -> JobDetails:
    """A job with a task for each part, and with a merged number."""
    subtasks = [SubtaskDetails(subtask_index=index, accumulators=[part]) for index, part in enumerate(parts)]
    details = JobDetails(
        summary=JobSummary(job_id="0" * 32, state="FINISHED", start_time_ms=1, end_time_ms=3),
        vertices=[VertexDetails(subtasks=subtasks)],
    )
    if parts:
        details.accumulators.add(name=parts[0].name, type=parts[0].type)
    number = encode("seen", IntCounter(3))
    assert number is not None
    details.accumulators.append(number)
    return details


def test_parts_are_merged_here() -> None:
    results = accumulator_results(_details(_part(ListAccumulator([1])), _part(ListAccumulator([2]))))
    assert results.values == {"own": [1, 2], "seen": 3}
    assert results.failures == {}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([_part(Refuses(1)), _part(Refuses(2))], "RuntimeError: no two of these"),
        ([_part(Refuses(1)), _part(IntCounter(2))], "a Refuses in one task and a IntCounter in another"),
        ([_part({"not": "one"})], "a task has sent"),
        ([AccumulatorValue(name="own", pickled=b"no pickle")], "UnpicklingError"),
        ([AccumulatorValue(name="own", failure=engine_failure(USER_CODE, "too large"))], "too large"),
    ],
)
def test_what_goes_wrong_harms_nothing_else(parts: list[AccumulatorValue], said: str) -> None:
    result = execution_result(_details(*parts))
    assert result.get_accumulator_result("seen") == 3
    with pytest.raises(AccumulatorError, match=said):
        result.get_accumulator_result("own")
    with pytest.raises(AccumulatorError, match=said):
        result.get_all_accumulator_results()
    lines = result.accumulator_lines()
    assert lines[:2] == ["Accumulator Results: ", "- seen (int): 3"]
    assert said in lines[2]


def test_a_failure_of_the_master_is_passed_on() -> None:
    details = _details()
    details.accumulators.add(name="own", type="Words", failure=engine_failure(USER_CODE, "of different types"))
    assert accumulator_results(details).failures == {"own": "of different types"}


def test_a_client_gives_what_was_counted_so_far(cluster: Any) -> None:
    from tests.unit.client.test_job_client import submit

    assert submit(cluster).get_accumulators() == {}
