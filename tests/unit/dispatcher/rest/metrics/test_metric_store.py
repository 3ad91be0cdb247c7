"""The store of metrics: what it answers, and what it forgets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from millstream.dispatcher.rest.metrics.metric_store import MetricStore
from tests.unit.dispatcher.rest.metrics.dumps import JOB, VERTEX, counter, dump, group, operator_group, task_group

OTHER_JOB, OTHER_VERTEX = "c" * 32, "d" * 32


def _master(*jobs: str) -> MetricStore:
    store = MetricStore()
    store.put_master(dump(*(group("JOB_MANAGER_JOB", counter("uptime", 5), job_id=job) for job in jobs)))
    return store


def test_an_empty_store_knows_nothing_and_says_so() -> None:
    store = MetricStore()
    assert store.job_manager() == {}
    assert store.task_manager("tm") is None
    assert store.task_managers() == {}
    assert store.job(JOB) is None
    assert store.jobs() == {}
    assert store.coordinators(JOB, VERTEX) == {}
    assert store.subtasks(JOB, VERTEX) == {}
    assert store.subtask(JOB, VERTEX, 0) is None


def test_the_masters_dump_is_answered_by_scope() -> None:
    store = MetricStore()
    store.put_master(
        dump(
            group("JOB_MANAGER", counter("numRunningJobs", 1), host="h"),
            group("JOB_MANAGER", counter("Status.JVM.Threads.Count", 9), host="h"),
            group("JOB_MANAGER_JOB", counter("numRestarts", 2), job_id=JOB),
            group("JOB_MANAGER_OPERATOR", counter("unassignedSplits", 3), job_id=JOB, task_id=VERTEX,
                  operator_name="Source: in"),
        )
    )  # fmt: skip
    assert store.job_manager() == {"numRunningJobs": "1", "Status.JVM.Threads.Count": "9"}
    assert store.job(JOB) == {"numRestarts": "2"}
    assert store.jobs() == {JOB: {"numRestarts": "2"}}
    assert store.coordinators(JOB, VERTEX) == {"Source__in.unassignedSplits": "3"}
    assert store.coordinators(JOB, OTHER_VERTEX) == {}


def test_a_subtask_has_its_tasks_metrics_and_its_operators() -> None:
    store = _master(JOB)
    store.put_task_manager(
        "tm-1",
        dump(
            group("TASK_MANAGER", counter("Status.JVM.CPU.Time", 7), tm_id="tm-1"),
            group("TASK_MANAGER_JOB", counter("ignored"), job_id=JOB),
            task_group(counter("numRecordsIn", 4)),
            operator_group("Source: Demo Source", counter("numRecordsIn", 5), counter("my.own", 6)),
        ),
    )
    store.put_task_manager("tm-2", dump(task_group(counter("numRecordsIn", 8), subtask=1)))
    assert store.task_managers() == {"tm-1": {"Status.JVM.CPU.Time": "7"}, "tm-2": {}}
    assert store.task_manager("tm-1") == {"Status.JVM.CPU.Time": "7"}
    assert store.subtasks(JOB, VERTEX) == {
        0: {"numRecordsIn": "4", "Source__Demo_Source.numRecordsIn": "5", "Source__Demo_Source.my_own": "6"},
        1: {"numRecordsIn": "8"},
    }
    assert store.subtask(JOB, VERTEX, 1) == {"numRecordsIn": "8"}
    assert store.subtask(JOB, VERTEX, 2) is None
    assert store.subtasks(OTHER_JOB, VERTEX) == {}


def test_what_a_new_dump_lacks_is_forgotten() -> None:
    store = _master(JOB)
    store.put_task_manager("tm", dump(task_group(counter("n", 1)), task_group(counter("n", 1), subtask=1)))
    store.put_task_manager("tm", dump(task_group(counter("n", 2))))
    assert store.subtasks(JOB, VERTEX) == {0: {"n": "2"}}


def test_task_managers_that_left_are_forgotten() -> None:
    store = _master(JOB)
    store.put_task_manager("stays", dump(task_group(counter("n", 1))))
    store.put_task_manager("leaves", dump(task_group(counter("n", 1), subtask=1)))
    store.retain_task_managers({"stays", "new"})
    assert list(store.task_managers()) == ["stays"]
    assert list(store.subtasks(JOB, VERTEX)) == [0]


def test_a_job_that_ended_is_forgotten_also_by_a_task_manager_that_does_not_answer() -> None:
    store = _master(JOB, OTHER_JOB)
    store.put_task_manager("silent", dump(task_group(counter("n", 1)), task_group(counter("n", 2), job=OTHER_JOB)))
    store.put_master(dump(group("JOB_MANAGER_JOB", job_id=OTHER_JOB)))
    assert store.job(JOB) is None
    assert store.subtasks(JOB, VERTEX) == {}
    assert store.subtasks(OTHER_JOB, VERTEX) == {0: {"n": "2"}}


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 3)),
        unique_by=lambda placed: placed[1:],
        max_size=12,
    )
)
def test_each_subtask_shows_its_latest_attempt_wherever_that_runs(placed: list[tuple[int, int, int]]) -> None:
    store = _master(JOB)
    for task_manager in range(3):
        groups = [
            made
            for at, subtask, attempt in placed
            if at == task_manager
            for made in (
                operator_group("op", counter("n", attempt), subtask=subtask, attempt=attempt),
                task_group(counter("n", attempt), subtask=subtask, attempt=attempt),
            )
        ]
        store.put_task_manager(f"tm-{task_manager}", dump(*groups))
    latest: dict[int, int] = {}
    for _, subtask, attempt in placed:
        latest[subtask] = max(attempt, latest.get(subtask, 0))
    assert store.subtasks(JOB, VERTEX) == {
        subtask: {"n": str(attempt), "op.n": str(attempt)} for subtask, attempt in latest.items()
    }
    assert list(store.subtasks(JOB, VERTEX)) == sorted(latest)
