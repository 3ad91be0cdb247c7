"""What a job runs with."""

from __future__ import annotations

from millstream.dispatcher.rest.messages.base import HyphenatedMessage

__all__ = ["ExecutionConfigInfo", "JobConfigInfo"]


class ExecutionConfigInfo(HyphenatedMessage):
    """The settings of a job's program.

    :ivar restart_strategy: in words.
    :ivar job_parallelism: of operators that set none.
    :ivar user_config: the program's global job parameters.
    """

    execution_mode: str
    restart_strategy: str
    job_parallelism: int
    object_reuse_mode: bool
    user_config: dict[str, str]


class JobConfigInfo(HyphenatedMessage):
    """A job and its settings."""

    jid: str
    name: str
    execution_config: ExecutionConfigInfo
