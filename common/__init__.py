"""What all parts of Millstream share, and the names that programs import from ``millstream.common``.

The names are loaded when they are first used, so that a process which needs one module does not pay for the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from millstream.common.completable_future import CompletableFuture as CompletableFuture
    from millstream.common.config import ConfigOption as ConfigOption
    from millstream.common.config import Configuration as Configuration
    from millstream.common.config_options import ConfigOptions as ConfigOptions
    from millstream.common.execution import JobExecutionResult as JobExecutionResult
    from millstream.common.execution_config import ExecutionConfig as ExecutionConfig
    from millstream.common.execution_mode import ExecutionMode as ExecutionMode
    from millstream.common.ids import JobID as JobID
    from millstream.common.input_dependency_constraint import InputDependencyConstraint as InputDependencyConstraint
    from millstream.common.job_client import JobClient as JobClient
    from millstream.common.restart_strategy import RestartStrategies as RestartStrategies
    from millstream.common.restart_strategy import RestartStrategyConfiguration as RestartStrategyConfiguration
    from millstream.common.serialization import ByteArraySchema as ByteArraySchema
    from millstream.common.serialization import DeserializationSchema as DeserializationSchema
    from millstream.common.serialization import Encoder as Encoder
    from millstream.common.serialization import SerializationSchema as SerializationSchema
    from millstream.common.serialization import SimpleStringSchema as SimpleStringSchema
    from millstream.common.serializer import TypeSerializer as TypeSerializer
    from millstream.common.states import JobStatus as JobStatus
    from millstream.common.time import Duration as Duration
    from millstream.common.time import Instant as Instant
    from millstream.common.time import Time as Time
    from millstream.common.typeinfo import TypeInformation as TypeInformation
    from millstream.common.typeinfo import Types as Types
    from millstream.common.types import Row as Row
    from millstream.common.types import RowKind as RowKind
    from millstream.common.watermark_strategy import AscendingTimestampExtractor as AscendingTimestampExtractor
    from millstream.common.watermark_strategy import AscendingTimestampsWatermarks as AscendingTimestampsWatermarks
    from millstream.common.watermark_strategy import AssignerWithPeriodicWatermarks as AssignerWithPeriodicWatermarks
    from millstream.common.watermark_strategy import (
        AssignerWithPeriodicWatermarksWrapper as AssignerWithPeriodicWatermarksWrapper,
    )
    from millstream.common.watermark_strategy import (
        AssignerWithPunctuatedWatermarks as AssignerWithPunctuatedWatermarks,
    )
    from millstream.common.watermark_strategy import (
        BoundedOutOfOrdernessTimestampExtractor as BoundedOutOfOrdernessTimestampExtractor,
    )
    from millstream.common.watermark_strategy import BoundedOutOfOrdernessWatermarks as BoundedOutOfOrdernessWatermarks
    from millstream.common.watermark_strategy import NoWatermarksGenerator as NoWatermarksGenerator
    from millstream.common.watermark_strategy import TimestampAssigner as TimestampAssigner
    from millstream.common.watermark_strategy import Watermark as Watermark
    from millstream.common.watermark_strategy import WatermarkGenerator as WatermarkGenerator
    from millstream.common.watermark_strategy import WatermarkGeneratorSupplier as WatermarkGeneratorSupplier
    from millstream.common.watermark_strategy import WatermarkOutput as WatermarkOutput
    from millstream.common.watermark_strategy import WatermarkStrategy as WatermarkStrategy
    from millstream.common.watermark_strategy import WatermarksWithIdleness as WatermarksWithIdleness

__all__ = [
    "AscendingTimestampExtractor",
    "AscendingTimestampsWatermarks",
    "AssignerWithPeriodicWatermarks",
    "AssignerWithPeriodicWatermarksWrapper",
    "AssignerWithPunctuatedWatermarks",
    "BoundedOutOfOrdernessTimestampExtractor",
    "BoundedOutOfOrdernessWatermarks",
    "ByteArraySchema",
    "CompletableFuture",
    "ConfigOption",
    "ConfigOptions",
    "Configuration",
    "DeserializationSchema",
    "Duration",
    "Encoder",
    "ExecutionConfig",
    "ExecutionMode",
    "InputDependencyConstraint",
    "Instant",
    "JobClient",
    "JobExecutionResult",
    "JobID",
    "JobStatus",
    "NoWatermarksGenerator",
    "RestartStrategies",
    "RestartStrategyConfiguration",
    "Row",
    "RowKind",
    "SerializationSchema",
    "SimpleStringSchema",
    "Time",
    "TimestampAssigner",
    "TypeInformation",
    "TypeSerializer",
    "Types",
    "Watermark",
    "WatermarkGenerator",
    "WatermarkGeneratorSupplier",
    "WatermarkOutput",
    "WatermarkStrategy",
    "WatermarksWithIdleness",
]

_MODULES = {
    "AscendingTimestampExtractor": "watermark_strategy",
    "AscendingTimestampsWatermarks": "watermark_strategy",
    "AssignerWithPeriodicWatermarks": "watermark_strategy",
    "AssignerWithPeriodicWatermarksWrapper": "watermark_strategy",
    "AssignerWithPunctuatedWatermarks": "watermark_strategy",
    "BoundedOutOfOrdernessTimestampExtractor": "watermark_strategy",
    "BoundedOutOfOrdernessWatermarks": "watermark_strategy",
    "ByteArraySchema": "serialization",
    "CompletableFuture": "completable_future",
    "ConfigOption": "config",
    "ConfigOptions": "config_options",
    "Configuration": "config",
    "DeserializationSchema": "serialization",
    "Duration": "time",
    "Encoder": "serialization",
    "ExecutionConfig": "execution_config",
    "ExecutionMode": "execution_mode",
    "InputDependencyConstraint": "input_dependency_constraint",
    "Instant": "time",
    "JobClient": "job_client",
    "JobExecutionResult": "execution",
    "JobID": "ids",
    "JobStatus": "states",
    "NoWatermarksGenerator": "watermark_strategy",
    "RestartStrategies": "restart_strategy",
    "RestartStrategyConfiguration": "restart_strategy",
    "Row": "types",
    "RowKind": "types",
    "SerializationSchema": "serialization",
    "SimpleStringSchema": "serialization",
    "Time": "time",
    "TimestampAssigner": "watermark_strategy",
    "TypeInformation": "typeinfo",
    "TypeSerializer": "serializer",
    "Types": "typeinfo",
    "Watermark": "watermark_strategy",
    "WatermarkGenerator": "watermark_strategy",
    "WatermarkGeneratorSupplier": "watermark_strategy",
    "WatermarkOutput": "watermark_strategy",
    "WatermarkStrategy": "watermark_strategy",
    "WatermarksWithIdleness": "watermark_strategy",
}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
