"""Options of one job's pipeline."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from millstream.common.config.collection_kind import MAP, STRING_LIST
from millstream.common.config.duration import DURATION
from millstream.common.config.option import Effect, option, optional
from millstream.common.config.value_kind import BOOLEAN, STRING, IntegerKind, one_of

__all__ = ["PipelineOptions"]


class PipelineOptions:
    """Pipeline"""

    NAME: Final = optional("pipeline.name", STRING, "Name of the job.")
    MAX_PARALLELISM: Final = option(
        "pipeline.max-parallelism",
        IntegerKind(-1, 1 << 15),
        -1,
        "Number of key groups, the bound of any later parallelism; -1 derives it from the parallelism (128 to 32768).",
    )
    OPERATOR_CHAINING: Final = option(
        "pipeline.operator-chaining.enabled",
        BOOLEAN,
        True,
        "Whether operators that follow each other on the same records run as one task.",
        former=("pipeline.operator-chaining",),
    )
    OBJECT_REUSE: Final = option(
        "pipeline.object-reuse",
        BOOLEAN,
        False,
        "Whether functions may get the very objects that others hold. Millstream copies what a function may still "
        "hold, and nothing else.",
        effect=Effect.RESERVED,
    )
    AUTO_WATERMARK_INTERVAL: Final = option(
        "pipeline.auto-watermark-interval",
        DURATION,
        timedelta(milliseconds=200),
        "Time between two periodic watermarks; 0: none are made.",
    )
    TIME_CHARACTERISTIC: Final = option(
        "pipeline.time-characteristic",
        one_of("ProcessingTime", "IngestionTime", "EventTime"),
        "EventTime",
        "What time is for sources without a watermark strategy and for `time_window`: the clock's, the clock's at the "
        "source, or that of the records.",
    )
    GLOBAL_JOB_PARAMETERS: Final = option(
        "pipeline.global-job-parameters", MAP, {}, "Parameters that every function of the job can read."
    )
    JARS: Final = option(
        "pipeline.jars", STRING_LIST, [], "Java archives of the job. There are none here.", effect=Effect.JVM_ONLY
    )
    CLASSPATHS: Final = option(
        "pipeline.classpaths", STRING_LIST, [], "Java class paths of the job.", effect=Effect.JVM_ONLY
    )
    GENERIC_TYPES: Final = option(
        "pipeline.generic-types",
        BOOLEAN,
        True,
        "Whether a type may be serialised by pickle where no serializer was declared for it.",
        effect=Effect.RESERVED,
    )
    AUTO_GENERATE_UIDS: Final = option(
        "pipeline.auto-generate-uids",
        BOOLEAN,
        True,
        "Whether operators without a `uid` get one that is derived from the graph.",
        effect=Effect.RESERVED,
    )
    PARALLELISM_OVERRIDES: Final = option(
        "pipeline.jobvertex-parallelism-overrides",
        MAP,
        {},
        "Parallelism per job vertex id, above what the program says.",
        effect=Effect.RESERVED,
    )
    VERTEX_DESCRIPTION_MODE: Final = option(
        "pipeline.vertex-description-mode",
        one_of("TREE", "CASCADING"),
        "TREE",
        "How the description of a vertex is laid out.",
        effect=Effect.RESERVED,
    )
