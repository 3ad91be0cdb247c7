from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class MetricDump(_message.Message):
    __slots__ = ("groups", "timestamp_ms")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[MetricGroupDump]
    timestamp_ms: int
    def __init__(self, groups: _Optional[_Iterable[_Union[MetricGroupDump, _Mapping]]] = ..., timestamp_ms: _Optional[int] = ...) -> None: ...

class MetricGroupDump(_message.Message):
    __slots__ = ("scope", "variables", "metrics")
    class VariablesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    VARIABLES_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    scope: str
    variables: _containers.ScalarMap[str, str]
    metrics: _containers.RepeatedCompositeFieldContainer[MetricValue]
    def __init__(self, scope: _Optional[str] = ..., variables: _Optional[_Mapping[str, str]] = ..., metrics: _Optional[_Iterable[_Union[MetricValue, _Mapping]]] = ...) -> None: ...

class MetricValue(_message.Message):
    __slots__ = ("groups", "name", "count", "number", "whole_number", "text", "truth", "meter", "histogram")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    WHOLE_NUMBER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TRUTH_FIELD_NUMBER: _ClassVar[int]
    METER_FIELD_NUMBER: _ClassVar[int]
    HISTOGRAM_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[MetricUserGroup]
    name: str
    count: int
    number: float
    whole_number: int
    text: str
    truth: bool
    meter: MeterValue
    histogram: HistogramValue
    def __init__(self, groups: _Optional[_Iterable[_Union[MetricUserGroup, _Mapping]]] = ..., name: _Optional[str] = ..., count: _Optional[int] = ..., number: _Optional[float] = ..., whole_number: _Optional[int] = ..., text: _Optional[str] = ..., truth: bool = ..., meter: _Optional[_Union[MeterValue, _Mapping]] = ..., histogram: _Optional[_Union[HistogramValue, _Mapping]] = ...) -> None: ...

class MetricUserGroup(_message.Message):
    __slots__ = ("name", "has_value", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HAS_VALUE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    has_value: bool
    value: str
    def __init__(self, name: _Optional[str] = ..., has_value: bool = ..., value: _Optional[str] = ...) -> None: ...

class MeterValue(_message.Message):
    __slots__ = ("rate", "count")
    RATE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    rate: float
    count: int
    def __init__(self, rate: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class HistogramValue(_message.Message):
    __slots__ = ("count", "minimum", "maximum", "mean", "standard_deviation", "p50", "p75", "p90", "p95", "p98", "p99", "p999")
    COUNT_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    STANDARD_DEVIATION_FIELD_NUMBER: _ClassVar[int]
    P50_FIELD_NUMBER: _ClassVar[int]
    P75_FIELD_NUMBER: _ClassVar[int]
    P90_FIELD_NUMBER: _ClassVar[int]
    P95_FIELD_NUMBER: _ClassVar[int]
    P98_FIELD_NUMBER: _ClassVar[int]
    P99_FIELD_NUMBER: _ClassVar[int]
    P999_FIELD_NUMBER: _ClassVar[int]
    count: int
    minimum: float
    maximum: float
    mean: float
    standard_deviation: float
    p50: float
    p75: float
    p90: float
    p95: float
    p98: float
    p99: float
    p999: float
    def __init__(self, count: _Optional[int] = ..., minimum: _Optional[float] = ..., maximum: _Optional[float] = ..., mean: _Optional[float] = ..., standard_deviation: _Optional[float] = ..., p50: _Optional[float] = ..., p75: _Optional[float] = ..., p90: _Optional[float] = ..., p95: _Optional[float] = ..., p98: _Optional[float] = ..., p99: _Optional[float] = ..., p999: _Optional[float] = ...) -> None: ...
