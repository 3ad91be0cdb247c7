"""The Grafana dashboard is one that Grafana takes, and asks for metrics that Flink documents."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from tests.unit.project.checkout import ROOT

DASHBOARD: dict[str, Any] = json.loads(
    (ROOT / "deploy" / "grafana" / "millstream-dashboard.json").read_text(encoding="utf-8")
)

PROCESS = (
    "CPU_Load CPU_Time Memory_Heap_Used Memory_Heap_Committed Memory_Heap_Max Memory_NonHeap_Used "
    "Memory_Metaspace_Used Memory_Direct_MemoryUsed Threads_Count GarbageCollector_All_Count GarbageCollector_All_Time "
    "GarbageCollector_All_TimeMsPerSecond ClassLoader_ClassesLoaded"
)
# Flink's documentation of its metrics, by the scope that stands before the names.
DOCUMENTED = {
    "flink_jobmanager": "numRegisteredTaskManagers numRunningJobs taskSlotsAvailable taskSlotsTotal",
    "flink_jobmanager_job": "uptime downtime numRestarts fullRestarts lastCheckpointDuration lastCheckpointSize "
    "lastCheckpointFullSize numberOfInProgressCheckpoints numberOfCompletedCheckpoints numberOfFailedCheckpoints "
    "totalNumberOfCheckpoints",
    "flink_taskmanager_Status_Flink_Memory_Managed": "Used Total",
    "flink_taskmanager_Status_Shuffle_Netty": "AvailableMemorySegments UsedMemorySegments TotalMemorySegments "
    "AvailableMemory UsedMemory TotalMemory RequestedMemoryUsage",
    "flink_taskmanager_job_task": "numRecordsIn numRecordsOut numRecordsInPerSecond numRecordsOutPerSecond numBytesIn "
    "numBytesOut busyTimeMsPerSecond idleTimeMsPerSecond backPressuredTimeMsPerSecond buffers_outPoolUsage "
    "buffers_inPoolUsage checkpointAlignmentTime checkpointStartDelayNanos currentInputWatermark",
    "flink_taskmanager_job_task_operator": "numRecordsIn numRecordsOut numRecordsInPerSecond numRecordsOutPerSecond "
    "currentInputWatermark currentOutputWatermark currentEmitEventTimeLag numLateRecordsDropped",
    "flink_jobmanager_Status_JVM": PROCESS,
    "flink_taskmanager_Status_JVM": PROCESS,
}
NAMES = {f"{scope}_{name}" for scope, names in DOCUMENTED.items() for name in names.split()}


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = DASHBOARD["panels"]
    return found


def queries() -> list[str]:
    asked = [target["expr"] for panel in panels() for target in panel.get("targets", ())]
    return asked + [variable["definition"] for variable in DASHBOARD["templating"]["list"] if "definition" in variable]


def test_every_metric_that_it_asks_for_is_documented() -> None:
    asked = {name for query in queries() for name in re.findall(r"flink_\w+", query)}
    assert len(asked) > 30
    assert asked - NAMES == set()


def test_queries_are_whole_and_filter_by_the_variables() -> None:
    for query in queries():
        for opening, closing in ("()", "{}", "[]"):
            assert query.count(opening) == query.count(closing), query
        for metric, labels in re.findall(r"(flink_\w+)(\{[^}]*\})?", query):
            if query.startswith("label_values"):
                continue
            if metric.startswith(("flink_taskmanager_job", "flink_jobmanager_job")):
                assert 'job_name=~"$job"' in labels, query
            if metric.startswith("flink_taskmanager"):
                assert 'tm_id=~"$tm"' in labels, query


def test_panels_do_not_overlap() -> None:
    assert len({panel["id"] for panel in panels()}) == len(panels())
    for one, other in itertools.combinations((panel["gridPos"] for panel in panels()), 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y
        assert one["x"] + one["w"] <= 24


def test_every_panel_says_what_it_shows_and_takes_the_chosen_data_source() -> None:
    shown = [panel for panel in panels() if panel["type"] != "row"]
    for panel in shown:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["targets"]
        for holder in (panel, *panel["targets"]):
            assert holder["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert {panel["type"] for panel in shown} == {"stat", "timeseries"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "job", "tm"]
