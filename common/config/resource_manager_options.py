"""Options of the ResourceManager, which knows every slot of the cluster."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.port_range import PORT_NUMBER
from millstream.common.config.value_kind import IntegerKind

__all__ = ["ResourceManagerOptions"]


class ResourceManagerOptions:
    """ResourceManager"""

    TASK_MANAGER_TIMEOUT: Final = option(
        "resourcemanager.taskmanager-timeout",
        DURATION,
        timedelta(seconds=30),
        "How long an idle TaskManager is kept where the cluster starts TaskManagers itself (not standalone).",
        effect=Effect.RESERVED,
    )
    RPC_PORT: Final = option(
        "resourcemanager.rpc.port",
        PORT_NUMBER,
        0,
        "RPC port of a ResourceManager that runs apart from the master.",
        effect=Effect.RESERVED,
    )
    JOB_TIMEOUT: Final = option(
        "resourcemanager.job.timeout",
        DURATION,
        timedelta(minutes=5),
        "How long a job may be without a leader before its slots are taken back.",
        effect=Effect.RESERVED,
    )
    MAX_SLOTS: Final = optional(
        "slotmanager.number-of-slots.max",
        IntegerKind(1),
        "Most slots that the cluster may have. Unset: no bound.",
        effect=Effect.RESERVED,
    )
