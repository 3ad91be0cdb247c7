"""Options that concern a whole program or process."""

from __future__ import annotations

from typing import Final

from millstream.common.config.collection_kind import list_of
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import STRING, IntegerKind, one_of

__all__ = ["CoreOptions"]


class CoreOptions:
    """Program and process"""

    DEFAULT_PARALLELISM: Final = option(
        "parallelism.default", IntegerKind(1), 1, "Parallelism of a job that sets none itself (`millstream run -p`)."
    )
    TMP_DIRS: Final = option(
        "io.tmp.dirs",
        list_of(STRING, ",:;"),
        [],
        "Directories for temporary files, parted by commas or colons. Empty: the system's temporary directory.",
        former=("taskmanager.tmp.dirs",),
    )
    WORKING_DIR: Final = optional(
        "process.working-dir",
        STRING,
        "Directory for a process's own files that shall survive its restart. Unset: within `io.tmp.dirs`.",
        effect=Effect.RESERVED,
    )
    CLASSLOADER_RESOLVE_ORDER: Final = option(
        "classloader.resolve-order",
        one_of("child-first", "parent-first"),
        "child-first",
        "Whether a job's own classes hide the cluster's. In Python a job's modules always come first in its workers.",
        effect=Effect.JVM_ONLY,
    )
