"""Options of metrics and their reporters."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.collection_kind import MAP, STRING_LIST, list_of
from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, template
from millstream.common.config.port_range import PORT_RANGE
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind, one_of

__all__ = ["MetricOptions"]

_TASK_MANAGER = "<host>.taskmanager.<tm_id>"


class MetricOptions:
    """Metrics"""

    REPORTERS: Final = option(
        "metrics.reporters",
        list_of(STRING, ",;"),
        [],
        "Names of the reporters to start. Empty: all that are configured.",
    )
    REPORTER_FACTORY_CLASS: Final = template(
        "metrics.reporter.<name>.factory.class",
        STRING,
        None,
        "Which reporter it is: `prometheus`, `prometheus_push_gateway`, `statsd`, `graphite`, `datadog`, `slf4j`, "
        "`opentelemetry`, or Flink's class, such as `org.apache.flink.metrics.prometheus.PrometheusReporterFactory`.",
        former=("metrics.reporter.<name>.class",),
    )
    REPORTER_INTERVAL: Final = template(
        "metrics.reporter.<name>.interval",
        DURATION,
        timedelta(seconds=10),
        "Time between two reports of a reporter that pushes.",
    )
    REPORTER_SCOPE_DELIMITER: Final = template(
        "metrics.reporter.<name>.scope.delimiter",
        STRING,
        ".",
        "What parts the components of a metric's name.",
    )
    REPORTER_EXCLUDED_VARIABLES: Final = template(
        "metrics.reporter.<name>.scope.variables.excludes",
        STRING_LIST,
        [],
        "Labels that are left out.",
    )
    REPORTER_ADDITIONAL_VARIABLES: Final = template(
        "metrics.reporter.<name>.scope.variables.additional",
        MAP,
        {},
        "Labels that are added.",
    )
    REPORTER_INCLUDES: Final = template(
        "metrics.reporter.<name>.filter.includes",
        STRING_LIST,
        ["*:*:*"],
        "Metrics that are reported, each as `<scope>:<name>[,<name>][:<type>]`.",
    )
    REPORTER_EXCLUDES: Final = template(
        "metrics.reporter.<name>.filter.excludes",
        STRING_LIST,
        [],
        "Metrics that are not reported, although they are included.",
    )
    REPORTER_PARAMETER: Final = template(
        "metrics.reporter.<name>.<parameter>",
        STRING,
        None,
        "A parameter of the reporter's own, such as `metrics.reporter.prom.port: 9250-9260`.",
    )
    PROMETHEUS_FILTER_LABEL_VALUES: Final = option(
        "metrics.reporter.prometheus.filterLabelValueCharacters",
        BOOLEAN,
        True,
        "Whether a reporter named `prometheus` replaces unusual characters in the values of labels.",
    )
    SCOPE_DELIMITER: Final = option(
        "metrics.scope.delimiter",
        STRING,
        ".",
        "What parts the components of a metric's name.",
    )
    SCOPE_JM: Final = option("metrics.scope.jm", STRING, "<host>.jobmanager", "Scope of the master's metrics.")
    SCOPE_JM_JOB: Final = option(
        "metrics.scope.jm-job",
        STRING,
        "<host>.jobmanager.<job_name>",
        "Scope of a job's metrics in the master.",
        former=("metrics.scope.jm.job",),
    )
    SCOPE_JM_OPERATOR: Final = option(
        "metrics.scope.jm-operator",
        STRING,
        "<host>.jobmanager.<job_name>.<operator_name>",
        "Scope of an operator coordinator's metrics in the master.",
    )
    SCOPE_TM: Final = option("metrics.scope.tm", STRING, _TASK_MANAGER, "Scope of a TaskManager's metrics.")
    SCOPE_TM_JOB: Final = option(
        "metrics.scope.tm-job",
        STRING,
        f"{_TASK_MANAGER}.<job_name>",
        "Scope of a job's metrics in a TaskManager.",
        former=("metrics.scope.tm.job",),
    )
    SCOPE_TASK: Final = option(
        "metrics.scope.task",
        STRING,
        f"{_TASK_MANAGER}.<job_name>.<task_name>.<subtask_index>",
        "Scope of a task's metrics.",
    )
    SCOPE_OPERATOR: Final = option(
        "metrics.scope.operator",
        STRING,
        f"{_TASK_MANAGER}.<job_name>.<operator_name>.<subtask_index>",
        "Scope of an operator's metrics.",
    )
    LATENCY_INTERVAL: Final = option(
        "metrics.latency.interval",
        DURATION,
        timedelta(0),
        "Time between two latency markers that a source sends; 0: it sends none.",
    )
    LATENCY_GRANULARITY: Final = option(
        "metrics.latency.granularity",
        one_of("single", "operator", "subtask"),
        "operator",
        "What is told apart: operators alone (single), also the sources that the markers come from (operator), or each "
        "subtask of the sources (subtask).",
    )
    LATENCY_HISTORY_SIZE: Final = option(
        "metrics.latency.history-size",
        IntegerKind(1),
        128,
        "How many of the latest latencies each statistic is of.",
    )
    FETCHER_UPDATE_INTERVAL: Final = option(
        "metrics.fetcher.update-interval",
        DURATION,
        timedelta(seconds=10),
        "How old the metrics that the REST interface shows may be. 0: it fetches none.",
    )
    JOB_STATUS_ENABLE: Final = option(
        "metrics.job.status.enable",
        list_of(one_of("STATE", "CURRENT_TIME", "TOTAL_TIME"), ";,"),
        ["CURRENT_TIME"],
        "Which metrics of a job's states there are.",
    )
    SYSTEM_RESOURCE: Final = option("metrics.system-resource", BOOLEAN, False, "Whether there are metrics of the host.")
    QUERY_SERVICE_PORT: Final = option(
        "metrics.internal.query-service.port",
        PORT_RANGE,
        "0",
        "Port or range of ports of the service that the master asks for metrics.",
        effect=Effect.RESERVED,
    )
