"""Options of the history server, which shows jobs whose cluster is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.collection_kind import list_of
from millstream.common.config.duration import DURATION
from millstream.common.config.option import option, optional
from millstream.common.config.port_range import PORT_NUMBER
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind

__all__ = ["HistoryServerOptions"]


class HistoryServerOptions:
    """History server"""

    ARCHIVE_DIRS: Final = option(
        "historyserver.archive.fs.dir",
        list_of(STRING, ",;"),
        [],
        "Directories that the history server looks into, parted by commas: what `jobmanager.archive.fs.dir` of the "
        "clusters says.",
    )
    ARCHIVE_REFRESH_INTERVAL: Final = option(
        "historyserver.archive.fs.refresh-interval",
        DURATION,
        timedelta(seconds=10),
        "Pause between two looks into the directories.",
    )
    CLEAN_EXPIRED_JOBS: Final = option(
        "historyserver.archive.clean-expired-jobs",
        BOOLEAN,
        False,
        "Whether a job is shown no more when its archive is deleted. Else it is shown until the history server ends.",
    )
    RETAINED_JOBS: Final = option(
        "historyserver.archive.retained-jobs",
        IntegerKind(-1),
        -1,
        "How many jobs are kept in each directory; the archives of older ones are deleted. -1: all.",
    )
    WEB_ADDRESS: Final = option(
        "historyserver.web.address",
        STRING,
        "localhost",
        "Network interface that the history server listens on.",
    )
    WEB_PORT: Final = option("historyserver.web.port", PORT_NUMBER, 8082, "Port of the history server.")
    WEB_REFRESH_INTERVAL: Final = option(
        "historyserver.web.refresh-interval",
        DURATION,
        timedelta(seconds=10),
        "Time between two looks of the web interface at the history server.",
    )
    WEB_TMP_DIR: Final = optional(
        "historyserver.web.tmpdir",
        STRING,
        "Local directory in which the history server unpacks what it has read, about as large as the archives. Unset: "
        "the system's temporary directory.",
    )
    WEB_SSL_ENABLED: Final = option(
        "historyserver.web.ssl.enabled",
        BOOLEAN,
        False,
        "Whether the history server speaks HTTPS, with the keys of `security.ssl.rest.*`.",
    )
    LOG_JOB_MANAGER_URL_PATTERN: Final = optional(
        "historyserver.log.jobmanager.url-pattern",
        STRING,
        "Where the master's log of a job can be read, with `<jobid>` in the place of the job's id.",
    )
    LOG_TASK_MANAGER_URL_PATTERN: Final = optional(
        "historyserver.log.taskmanager.url-pattern",
        STRING,
        "Where a TaskManager's log of a job can be read, with `<jobid>` and `<tmid>` in the places of the ids.",
    )
