"""The cluster as a whole."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import HyphenatedMessage

__all__ = ["ClusterOverviewInfo", "DashboardConfiguration", "Features"]


class ClusterOverviewInfo(HyphenatedMessage):
    """How large the cluster is and how many jobs it knows."""

    taskmanagers: int
    slots_total: int
    slots_available: int
    jobs_running: int
    jobs_finished: int
    jobs_cancelled: int
    jobs_failed: int
    flink_version: str
    flink_commit: str
    millstream_version: str


class Features(HyphenatedMessage):
    """What an interface may offer."""

    web_submit: bool
    web_cancel: bool
    web_rescale: bool
    web_history: bool


class DashboardConfiguration(HyphenatedMessage):
    """What an interface needs to know first.

    :ivar refresh_interval: time between two looks at the cluster, ms.
    :ivar timezone_offset: of the server, from UTC, ms.
    """

    refresh_interval: int
    timezone_name: str
    timezone_offset: int
    flink_version: str
    flink_revision: str
    millstream_version: str
    features: Features
