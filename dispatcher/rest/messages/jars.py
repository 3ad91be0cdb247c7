"""Uploaded packages, which Flink calls jars, and how they are run."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from millstream.dispatcher.rest.messages.base import CamelMessage, Message
from millstream.dispatcher.rest.messages.savepoints import TriggerId

__all__ = [
    "ClaimMode",
    "JarEntryInfo",
    "JarFileInfo",
    "JarListInfo",
    "JarPlanRequest",
    "JarRunRequest",
    "JarRunResponse",
    "JarUploadResponse",
    "Parallelism",
]

ClaimMode = Literal["CLAIM", "NO_CLAIM", "LEGACY"]

Parallelism = Annotated[int, Field(ge=1, le=1 << 15)]


class JarEntryInfo(Message):
    """Something in a package that can be started."""

    name: str
    description: str | None


class JarFileInfo(Message):
    """A package.

    :ivar name: what its client called it.
    :ivar uploaded: when, ms since the epoch.
    """

    id: str
    name: str
    uploaded: int
    entry: list[JarEntryInfo]


class JarListInfo(Message):
    """All packages, the newest first.

    :ivar address: of the server that has them.
    """

    address: str
    files: list[JarFileInfo]


class JarUploadResponse(Message):
    """A package is there now.

    :ivar filename: its id is what follows the last slash.
    """

    filename: str
    status: Literal["success"] = "success"


class JarPlanRequest(CamelMessage):
    """Run a package up to its first job.

    :ivar entry_class: an entry's name, or ``module`` or ``module:function``; ``None``: the first entry.
    :ivar program_args: as in a shell; newer clients send ``program_args_list``.
    :ivar flink_configuration: wins over the cluster's.
    """

    entry_class: str | None = None
    program_args: str | None = None
    program_args_list: list[str] | None = None
    parallelism: Parallelism | None = None
    job_id: TriggerId | None = None
    flink_configuration: dict[str, str] | None = None


class JarRunRequest(JarPlanRequest):
    """Run a package.

    :ivar restore_mode: what clients before Flink 1.20 call ``claim_mode``.
    """

    allow_non_restored_state: bool | None = None
    savepoint_path: str | None = None
    claim_mode: ClaimMode | None = None
    restore_mode: ClaimMode | None = None


class JarRunResponse(Message):
    """A package was run.

    :ivar jobid: of its first job.
    """

    jobid: str
