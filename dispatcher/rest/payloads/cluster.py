"""The cluster as a whole, as answers."""

from __future__ import annotations

import time

from millstream.common.config import Configuration, WebOptions
from millstream.common.version import COMMIT_ID, VERSION
from millstream.common.wire import cluster_pb2 as pb
from millstream.dispatcher.rest.flink_version import FLINK_VERSION, revision
from millstream.dispatcher.rest.messages.cluster import ClusterOverviewInfo, DashboardConfiguration, Features

__all__ = ["cluster_overview", "dashboard_configuration"]


def cluster_overview(overview: pb.ClusterOverview) -> ClusterOverviewInfo:
    """How large the cluster is and how many jobs it knows."""
    return ClusterOverviewInfo(
        taskmanagers=overview.taskmanagers,
        slots_total=overview.slots_total,
        slots_available=overview.slots_available,
        jobs_running=overview.jobs_running,
        jobs_finished=overview.jobs_finished,
        jobs_cancelled=overview.jobs_cancelled,
        jobs_failed=overview.jobs_failed,
        flink_version=FLINK_VERSION,
        flink_commit=COMMIT_ID,
        millstream_version=VERSION,
    )


def dashboard_configuration(configuration: Configuration, zone: time.struct_time) -> DashboardConfiguration:
    """What an interface needs to know first.

    :param zone: a local time of the server.
    """
    return DashboardConfiguration(
        refresh_interval=int(configuration.get(WebOptions.REFRESH_INTERVAL).total_seconds() * 1000),
        timezone_name=zone.tm_zone or "UTC",
        timezone_offset=(zone.tm_gmtoff or 0) * 1000,
        flink_version=FLINK_VERSION,
        flink_revision=revision(),
        millstream_version=VERSION,
        features=Features(
            web_submit=configuration.get(WebOptions.SUBMIT_ENABLE),
            web_cancel=configuration.get(WebOptions.CANCEL_ENABLE),
            web_rescale=configuration.get(WebOptions.RESCALE_ENABLE),
            web_history=False,
        ),
    )
