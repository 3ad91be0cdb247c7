"""Options that the scripts of `deploy/bin` read before they start a process."""

from __future__ import annotations

from typing import Final

from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind, one_of

__all__ = ["EnvOptions"]


class EnvOptions:
    """Process environment"""

    LOG_DIR: Final = optional("env.log.dir", STRING, "Directory of the log files. Unset: `log` beside `bin`.")
    LOG_MAX: Final = option(
        "env.log.max",
        IntegerKind(0),
        10,
        "Number of older log files that are kept. The environment's `MAX_LOG_FILE_NUMBER` wins over it.",
    )
    LOG_LEVEL: Final = option(
        "env.log.level",
        one_of("DEBUG", "INFO", "WARNING", "ERROR", TRACE="DEBUG", WARN="WARNING", FATAL="ERROR"),
        "INFO",
        "Least severity of what is logged. The environment's `ROOT_LOG_LEVEL` wins over it.",
    )
    LOG_FORMAT: Final = option(
        "env.log.format",
        one_of("text", "json"),
        "text",
        "How records are written: as lines for people, or each as a JSON object on a line for programs.",
    )
    PID_DIR: Final = option("env.pid.dir", STRING, "/tmp", "Directory of the pid files.")
    SSH_OPTS: Final = optional(
        "env.ssh.opts", STRING, "Options for `ssh` when the scripts start processes on other hosts."
    )
    STDOUT_ERR_REDIRECT_TO_FILE: Final = option(
        "env.stdout-err.redirect-to-file",
        BOOLEAN,
        False,
        "Whether a process that is started in the foreground logs and prints to files, as one in the background does.",
    )
    JAVA_HOME: Final = optional("env.java.home", STRING, "Home of the Java runtime.", effect=Effect.JVM_ONLY)
    JAVA_OPTS_ALL: Final = optional(
        "env.java.opts.all", STRING, "JVM options of all processes.", former=("env.java.opts",), effect=Effect.JVM_ONLY
    )
    JAVA_OPTS_JOBMANAGER: Final = optional(
        "env.java.opts.jobmanager", STRING, "JVM options of the master.", effect=Effect.JVM_ONLY
    )
    JAVA_OPTS_TASKMANAGER: Final = optional(
        "env.java.opts.taskmanager", STRING, "JVM options of the TaskManagers.", effect=Effect.JVM_ONLY
    )
    JAVA_OPTS_CLIENT: Final = optional(
        "env.java.opts.client", STRING, "JVM options of the command line.", effect=Effect.JVM_ONLY
    )
    JAVA_OPTS_HISTORYSERVER: Final = optional(
        "env.java.opts.historyserver", STRING, "JVM options of the history server.", effect=Effect.JVM_ONLY
    )
