"""Options of where and how the command line runs a job."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import option, optional
from millstream.common.config.value_kind import BOOLEAN, STRING

__all__ = ["DeploymentOptions"]


class DeploymentOptions:
    """Deployment"""

    TARGET: Final = optional(
        "execution.target", STRING, "Where a job runs: `local` (an embedded cluster) or `remote` (a running cluster)."
    )
    ATTACHED: Final = option(
        "execution.attached", BOOLEAN, False, "Whether the client waits for the job's end (`-d` sets `false`)."
    )
    SHUTDOWN_ON_ATTACHED_EXIT: Final = option(
        "execution.shutdown-on-attached-exit",
        BOOLEAN,
        False,
        "Whether an attached client that ends takes its job along (`-sae`).",
    )
