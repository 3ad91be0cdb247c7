"""Profiles of processes."""

from __future__ import annotations

from typing import Literal

from millstream.dispatcher.rest.messages.base import CamelMessage

__all__ = ["ProfilingInfo", "ProfilingList", "ProfilingMode", "ProfilingRequest", "ProfilingStatus"]

ProfilingMode = Literal["CPU", "ITIMER", "LOCK", "WALL", "ALLOC"]
ProfilingStatus = Literal["RUNNING", "FINISHED", "FAILED"]


class ProfilingRequest(CamelMessage):
    """What is to be profiled.

    :ivar duration: how long, seconds.
    """

    mode: ProfilingMode
    duration: int


class ProfilingInfo(CamelMessage):
    """A profile that is being made, or was.

    :ivar trigger_time: when it was asked for, ms since the epoch.
    :ivar finished_time: when it ended, ms since the epoch; ``None``: not yet.
    :ivar duration: how long the process is looked at, seconds.
    :ivar message: what there is to say of it; ``None``: nothing.
    :ivar output_file: the name under which it can be had; ``None``: it cannot.
    """

    status: ProfilingStatus
    mode: ProfilingMode
    trigger_time: int
    finished_time: int | None = None
    duration: int
    message: str | None = None
    output_file: str | None = None


class ProfilingList(CamelMessage):
    """The profiles of a process, newest first."""

    profiling_list: list[ProfilingInfo]
