"""What of a cluster's records is garbage."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from millstream.common.high_availability.checkpoint_pointers import CheckpointPointer
from millstream.common.high_availability.zookeeper.data_frame import DataKind
from millstream.common.high_availability.zookeeper.inventory import (
    ClusterInventory,
    GarbageKind,
    JobStanding,
    KeptJob,
    Master,
    find_garbage,
)
from millstream.common.high_availability.zookeeper.pointer_format import ResultPointer
from millstream.common.high_availability.zookeeper.storage import DataFile, StoredData
from millstream.common.ids import JobID

GRAPHS, RESULTS = "file:///ha/default/job-graphs", "file:///ha/default/job-results"
NOW_MS = 10_000_000_000
MASTER = Master("a-0000000001", "host:6123", 1, "host")
JOBS = [JobID(f"{number:032x}") for number in range(3)]


def graph(job_id: JobID) -> StoredData:
    return StoredData(f"{GRAPHS}/{job_id}-{0:016x}", "00")


def result(job_id: JobID, dirty: bool) -> ResultPointer:
    return ResultPointer(StoredData(f"{RESULTS}/{job_id}-{0:016x}", "00"), "FINISHED", dirty, 5)


def file_of(data: StoredData, modified_ms: int = 5, is_whole: bool = True) -> DataFile:
    kind = DataKind.JOB_GRAPH if data.file.startswith(GRAPHS) else DataKind.JOB_RESULT
    return DataFile(kind, data.file, JobID(data.file.rpartition("/")[2][:32]), is_whole, 100, modified_ms)


def inventory(jobs: dict[JobID, KeptJob], files: list[DataFile], **changes: Any) -> ClusterInventory:
    fields: dict[str, Any] = {
        "masters": (),
        "leaders": {},
        "storage_is_there": True,
        **changes,
    }
    return ClusterInventory(
        "/default",
        job_graphs="/jobgraphs",
        jobs=jobs,
        files=tuple(files),
        directories=(GRAPHS, RESULTS),
        storage="file:///ha/default",
        **fields,
    )


def removed(found: ClusterInventory, *, everything: bool = False) -> list[str]:
    return [each.path for each in find_garbage(found, everything=everything, now_ms=NOW_MS)]


def test_a_job_that_could_be_recovered_is_kept_with_its_checkpoints() -> None:
    job = KeptJob(graph(JOBS[0]), checkpoints=(CheckpointPointer(1, "file:///chk-1", True),), has_node=True)
    found = inventory({JOBS[0]: job}, [file_of(graph(JOBS[0]))])
    assert found.standing(JOBS[0]) is JobStanding.RECOVERABLE
    assert removed(found) == []
    assert removed(found, everything=True) == [f"/jobgraphs/{JOBS[0]}", f"/jobs/{JOBS[0]}", graph(JOBS[0]).file]


def test_what_an_ended_job_left_goes_but_not_its_result() -> None:
    job = KeptJob(graph(JOBS[0]), result(JOBS[0], dirty=False), has_node=True)
    found = inventory({JOBS[0]: job}, [file_of(graph(JOBS[0])), file_of(result(JOBS[0], False).data)])
    assert removed(found) == [f"/jobgraphs/{JOBS[0]}", f"/jobs/{JOBS[0]}", graph(JOBS[0]).file]


def test_a_job_that_is_to_be_cleaned_up_is_a_masters_business() -> None:
    job = KeptJob(graph(JOBS[0]), result(JOBS[0], dirty=True), has_node=True)
    found = inventory({JOBS[0]: job}, [])
    assert found.standing(JOBS[0]) is JobStanding.TO_BE_CLEANED
    assert removed(found) == []


def test_pointers_to_nothing_and_files_without_a_pointer_go() -> None:
    lost = KeptJob(graph(JOBS[0]), has_node=True)
    rest = KeptJob(has_node=True)
    broken_off = file_of(graph(JOBS[2]), is_whole=False)
    found = inventory({JOBS[0]: lost, JOBS[1]: rest}, [broken_off, file_of(result(JOBS[2], False).data)])
    assert found.standing(JOBS[0]) is JobStanding.LOST
    assert found.standing(JOBS[1]) is JobStanding.REST
    assert removed(found) == [
        f"/jobgraphs/{JOBS[0]}",
        f"/jobs/{JOBS[0]}",
        f"/jobs/{JOBS[1]}",
        broken_off.file,
        result(JOBS[2], False).data.file,
    ]


def test_a_storage_that_is_not_mounted_makes_no_garbage() -> None:
    found = inventory({JOBS[0]: KeptJob(graph(JOBS[0]), has_node=True)}, [], storage_is_there=False)
    assert found.standing(JOBS[0]) is JobStanding.RECOVERABLE
    assert removed(found) == []


def test_a_file_in_a_storage_of_before_is_not_missed() -> None:
    elsewhere = StoredData(f"file:///former/job-graphs/{JOBS[0]}-{0:016x}", "00")
    found = inventory({JOBS[0]: KeptJob(elsewhere, has_node=True)}, [])
    assert found.standing(JOBS[0]) is JobStanding.RECOVERABLE


def test_with_a_node_that_cannot_be_read_no_file_is_garbage() -> None:
    job = KeptJob(unreadable={f"/jobgraphs/{JOBS[0]}": "no JSON"})
    found = inventory({JOBS[0]: job}, [file_of(graph(JOBS[0]))])
    assert found.standing(JOBS[0]) is JobStanding.UNREADABLE
    assert removed(found) == []
    assert removed(found, everything=True) == [f"/jobgraphs/{JOBS[0]}", graph(JOBS[0]).file]


def test_beside_a_master_only_files_that_lie_about_for_long_are_garbage() -> None:
    old, new = file_of(graph(JOBS[0]), modified_ms=5), file_of(graph(JOBS[1]), modified_ms=NOW_MS - 60_000)
    lost = KeptJob(graph(JOBS[2]), has_node=True)
    found = inventory({JOBS[2]: lost}, [old, new, file_of(result(JOBS[1], False).data, 0)], masters=(MASTER,))
    assert removed(found) == [old.file]


@st.composite
def inventories(draw: st.DrawFn) -> ClusterInventory:
    jobs, files = {}, []
    for job_id in JOBS:
        kept = KeptJob(
            draw(st.sampled_from([None, graph(job_id)])),
            draw(st.sampled_from([None, result(job_id, True), result(job_id, False)])),
            has_node=draw(st.booleans()),
        )
        if kept.graph is not None or kept.result is not None or kept.has_node:
            jobs[job_id] = kept
        files += [file_of(each) for each in (graph(job_id), result(job_id, True).data) if draw(st.booleans())]
    masters = draw(st.sampled_from([(), (MASTER,)]))
    return inventory(jobs, files, masters=masters, storage_is_there=draw(st.booleans()))


@given(inventories())
def test_garbage_never_holds_what_a_new_leader_needs(found: ClusterInventory) -> None:
    paths = removed(found)
    for job_id, job in found.jobs.items():
        if found.standing(job_id) is JobStanding.RECOVERABLE and job.graph is not None:
            assert not {f"/jobgraphs/{job_id}", f"/jobs/{job_id}", job.graph.file} & set(paths)
        if job.result is not None:
            assert not {f"/results/{job_id}", job.result.data.file} & set(paths)


@given(inventories())
def test_no_pointer_is_left_without_its_file(found: ClusterInventory) -> None:
    garbage = find_garbage(found, everything=False, now_ms=NOW_MS)
    nodes = [each.path for each in garbage if each.kind is GarbageKind.NODE]
    files = {each.path for each in garbage if each.kind is GarbageKind.FILE}
    assert [each.kind for each in garbage] == sorted(
        (each.kind for each in garbage), key=lambda kind: kind.name != "NODE"
    )
    for job_id, job in found.jobs.items():
        if job.graph is not None and job.graph.file in files:
            assert f"/jobgraphs/{job_id}" in nodes
