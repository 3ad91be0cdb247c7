"""Metric dumps as processes give them."""

from __future__ import annotations

from millstream.common.wire.metrics_pb2 import (
    HistogramValue,
    MeterValue,
    MetricDump,
    MetricGroupDump,
    MetricUserGroup,
    MetricValue,
)

__all__ = ["JOB", "VERTEX", "counter", "dump", "group", "histogram", "meter", "number", "operator_group", "task_group"]

JOB, VERTEX = "a" * 32, "b" * 32


def counter(name: str, count: int = 0, *groups: str | tuple[str, str]) -> MetricValue:
    return MetricValue(name=name, count=count, groups=[_user_group(group) for group in groups])


def number(name: str, value: float) -> MetricValue:
    return MetricValue(name=name, number=value)


def meter(name: str, rate: float) -> MetricValue:
    return MetricValue(name=name, meter=MeterValue(rate=rate, count=99))


def histogram(name: str) -> MetricValue:
    value = HistogramValue(
        count=3,
        minimum=1,
        maximum=2,
        mean=3,
        standard_deviation=4,
        p50=5,
        p75=6,
        p90=7,
        p95=8,
        p98=9,
        p99=10,
        p999=11,
    )
    return MetricValue(name=name, histogram=value)


def group(scope: str, *metrics: MetricValue, **variables: str) -> MetricGroupDump:
    return MetricGroupDump(scope=scope, variables=variables, metrics=metrics)


def task_group(
    *metrics: MetricValue, job: str = JOB, vertex: str = VERTEX, subtask: int = 0, attempt: int = 0
) -> MetricGroupDump:
    return group("TASK", *metrics, **_task_variables(job, vertex, subtask, attempt))


def operator_group(
    name: str, *metrics: MetricValue, job: str = JOB, vertex: str = VERTEX, subtask: int = 0, attempt: int = 0
) -> MetricGroupDump:
    return group("OPERATOR", *metrics, operator_name=name, **_task_variables(job, vertex, subtask, attempt))


def dump(*groups: MetricGroupDump) -> MetricDump:
    return MetricDump(groups=groups)


def _task_variables(job: str, vertex: str, subtask: int, attempt: int) -> dict[str, str]:
    return {"job_id": job, "task_id": vertex, "subtask_index": str(subtask), "task_attempt_num": str(attempt)}


def _user_group(group: str | tuple[str, str]) -> MetricUserGroup:
    if isinstance(group, str):
        return MetricUserGroup(name=group)
    return MetricUserGroup(name=group[0], has_value=True, value=group[1])
