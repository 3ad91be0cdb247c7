"""Windows, assigners, triggers and evictors."""

from __future__ import annotations

from millstream.common.borrowed_names import borrowed_names
from millstream.datastream.window.continuous_event_time_trigger import ContinuousEventTimeTrigger
from millstream.datastream.window.continuous_processing_time_trigger import ContinuousProcessingTimeTrigger
from millstream.datastream.window.count_evictor import CountEvictor
from millstream.datastream.window.count_trigger import CountTrigger
from millstream.datastream.window.count_window import CountWindow
from millstream.datastream.window.count_windows import CountSlidingWindowAssigner, CountTumblingWindowAssigner
from millstream.datastream.window.delta_evictor import DeltaEvictor
from millstream.datastream.window.delta_function import DeltaFunction
from millstream.datastream.window.delta_trigger import DeltaTrigger
from millstream.datastream.window.dynamic_session_windows import (
    DynamicEventTimeSessionWindows,
    DynamicProcessingTimeSessionWindows,
)
from millstream.datastream.window.event_time_trigger import EventTimeTrigger
from millstream.datastream.window.evictor import Evictor
from millstream.datastream.window.global_window import GlobalWindow
from millstream.datastream.window.global_windows import GlobalWindows
from millstream.datastream.window.never_trigger import NeverTrigger
from millstream.datastream.window.processing_time_trigger import ProcessingTimeTrigger
from millstream.datastream.window.processing_timeout_trigger import ProcessingTimeoutTrigger
from millstream.datastream.window.purging_trigger import PurgingTrigger
from millstream.datastream.window.session_window_time_gap_extractor import SessionWindowTimeGapExtractor
from millstream.datastream.window.session_windows import EventTimeSessionWindows, ProcessingTimeSessionWindows
from millstream.datastream.window.sliding_windows import SlidingEventTimeWindows, SlidingProcessingTimeWindows
from millstream.datastream.window.time_evictor import TimeEvictor
from millstream.datastream.window.time_window import TimeWindow
from millstream.datastream.window.timestamped_value import TimestampedValue
from millstream.datastream.window.trigger import Trigger
from millstream.datastream.window.trigger_result import TriggerResult
from millstream.datastream.window.tumbling_windows import TumblingEventTimeWindows, TumblingProcessingTimeWindows
from millstream.datastream.window.window import Window
from millstream.datastream.window.window_assigner import MergingWindowAssigner, WindowAssigner
from millstream.datastream.window.window_serializer import (
    CountWindowSerializer,
    GlobalWindowSerializer,
    TimeWindowSerializer,
)

__all__ = [
    "ContinuousEventTimeTrigger",
    "ContinuousProcessingTimeTrigger",
    "CountEvictor",
    "CountSlidingWindowAssigner",
    "CountTrigger",
    "CountTumblingWindowAssigner",
    "CountWindow",
    "CountWindowSerializer",
    "DeltaEvictor",
    "DeltaFunction",
    "DeltaTrigger",
    "DynamicEventTimeSessionWindows",
    "DynamicProcessingTimeSessionWindows",
    "EventTimeSessionWindows",
    "EventTimeTrigger",
    "Evictor",
    "GlobalWindow",
    "GlobalWindowSerializer",
    "GlobalWindows",
    "MergingWindowAssigner",
    "NeverTrigger",
    "ProcessingTimeSessionWindows",
    "ProcessingTimeTrigger",
    "ProcessingTimeoutTrigger",
    "PurgingTrigger",
    "SessionWindowTimeGapExtractor",
    "SlidingEventTimeWindows",
    "SlidingProcessingTimeWindows",
    "TimeEvictor",
    "TimeWindow",
    "TimeWindowSerializer",
    "TimestampedValue",
    "Trigger",
    "TriggerResult",
    "TumblingEventTimeWindows",
    "TumblingProcessingTimeWindows",
    "Window",
    "WindowAssigner",
]

__getattr__ = borrowed_names(
    __name__,
    {
        "millstream.common.time": "Duration Time",
        "millstream.common.typeinfo": "Types",
        "millstream.common.serializer": "TypeSerializer",
        "millstream.common.metrics": "MetricGroup",
        "millstream.datastream.functions": "ReduceFunction RuntimeContext",
        "millstream.datastream.output_tag": "OutputTag",
        "millstream.datastream.state": (
            "ReducingState ReducingStateDescriptor State StateDescriptor ValueStateDescriptor"
        ),
    },
)
