"""Options of the web interface."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind

__all__ = ["WebOptions"]


class WebOptions:
    """Web interface"""

    SUBMIT_ENABLE: Final = option(
        "web.submit.enable",
        BOOLEAN,
        True,
        "Whether jobs can be uploaded and started.",
        former=("jobmanager.web.submit.enable",),
    )
    CANCEL_ENABLE: Final = option("web.cancel.enable", BOOLEAN, True, "Whether jobs can be cancelled.")
    RESCALE_ENABLE: Final = option("web.rescale.enable", BOOLEAN, True, "Whether jobs can be rescaled.")
    UPLOAD_DIR: Final = optional(
        "web.upload.dir",
        STRING,
        "Directory of uploaded packages, which are there again after a restart. Unset: below `web.tmpdir`, and gone "
        "with the process.",
        former=("jobmanager.web.upload.dir",),
    )
    TMP_DIR: Final = optional(
        "web.tmpdir",
        STRING,
        "Scratch directory of uploaded packages and of their programs. Unset: the system's temporary directory.",
        former=("jobmanager.web.tmpdir",),
    )
    SUBMIT_TIMEOUT: Final = option(
        "web.submit.timeout",
        DURATION,
        timedelta(minutes=2),
        "How long the program of an uploaded package may take to build and submit its jobs. Then it is ended.",
    )
    REFRESH_INTERVAL: Final = option(
        "web.refresh-interval",
        DURATION,
        timedelta(seconds=3),
        "Time between two looks of the interface at the cluster.",
        former=("jobmanager.web.refresh-interval",),
    )
    CHECKPOINTS_HISTORY: Final = option(
        "web.checkpoints.history",
        IntegerKind(0),
        10,
        "Number of checkpoints that are listed.",
        former=("jobmanager.web.checkpoints.history",),
    )
    HISTORY: Final = option(
        "web.history",
        IntegerKind(0),
        5,
        "Number of finished jobs that are listed.",
        former=("jobmanager.web.history",),
        effect=Effect.RESERVED,
    )
    TIMEOUT: Final = option(
        "web.timeout",
        DURATION,
        timedelta(minutes=10),
        "Deadline of what the interface asks the cluster.",
    )
    ACCESS_CONTROL_ALLOW_ORIGIN: Final = option(
        "web.access-control-allow-origin",
        STRING,
        "",
        "Origins of pages that may call the REST interface from a browser, parted by commas, or `*`. Empty: only pages "
        "that it serves itself.",
        former=("jobmanager.web.access-control-allow-origin",),
    )
    LOG_PATH: Final = optional(
        "web.log.path",
        STRING,
        "Log file of the master that the interface shows. Unset: the one that the process writes.",
        former=("jobmanager.web.log.path",),
    )
