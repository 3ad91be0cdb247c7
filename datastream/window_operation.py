"""What the program says of windows before it says what to do with them: the part that keyed and all windows share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from millstream.common.errors import InvalidProgramError
from millstream.common.graph.operator_spec import AggregateSpec, WindowSpec
from millstream.common.typeinfo import TypeInformation
from millstream.datastream.call_site import call_site
from millstream.datastream.field_access import field_getter
from millstream.datastream.functions import AggregateFunction, Function, ReduceFunction
from millstream.datastream.functions_check import check_function, check_function_class
from millstream.datastream.length_of_time import length_in_ms
from millstream.datastream.output_tag import OutputTag
from millstream.datastream.window import (
    EventTimeTrigger,
    Evictor,
    MergingWindowAssigner,
    ProcessingTimeTrigger,
    Trigger,
    WindowAssigner,
)

if TYPE_CHECKING:
    from millstream.datastream.data_stream import DataStream

__all__ = ["WindowOperation"]

_DEFAULT_TRIGGERS = (EventTimeTrigger, ProcessingTimeTrigger)
_OURS = WindowAssigner.__module__.rpartition(".")[0]


@dataclass(slots=True)
class WindowOperation:
    """Settings of windows, checked as they are made, and how an operator is made of them.

    :ivar stream: whose records are put into windows.
    :ivar owner: ``Window`` or ``AllWindow``, for descriptions.
    """

    stream: DataStream
    owner: str
    assigner: WindowAssigner[Any, Any]
    own_trigger: Trigger[Any, Any] | None = None
    own_evictor: Evictor[Any, Any] | None = None
    lateness_ms: int = 0
    late_tag: OutputTag | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.assigner, WindowAssigner):
            raise TypeError(
                f"{call_site()}: windows are made by a WindowAssigner such as "
                f"TumblingEventTimeWindows.of(Time.seconds(5)), not by {self.assigner!r}"
            )

    # -- settings ---------------------------------------------------------------------------------------------------

    def trigger(self, trigger: Any) -> None:
        if not isinstance(trigger, Trigger):
            raise TypeError(f"{call_site()}: trigger() takes a Trigger, not {trigger!r}")
        self._check_can_merge(trigger)
        self.own_trigger = trigger

    def _check_can_merge(self, trigger: Trigger[Any, Any]) -> None:
        if isinstance(self.assigner, MergingWindowAssigner) and trigger.can_merge() is not True:
            raise TypeError(
                f"{call_site()}: A merging window assigner cannot be used with a trigger that does not support "
                f"merging: can_merge() of {type(trigger).__name__} is not True, and {self.assigner!r} merges windows"
            )

    def evictor(self, evictor: Any) -> None:
        if not isinstance(evictor, Evictor):
            raise TypeError(f"{call_site()}: evictor() takes an Evictor, not {evictor!r}")
        self.own_evictor = evictor

    def allowed_lateness(self, time_ms: Any) -> None:
        millis = length_in_ms(time_ms, "allowed_lateness()")
        if millis < 0:
            raise ValueError(f"{call_site()}: the allowed lateness cannot be negative: {millis} ms")
        self.lateness_ms = millis

    def side_output_late_data(self, output_tag: Any) -> None:
        if not isinstance(output_tag, OutputTag):
            raise TypeError(f"{call_site()}: side_output_late_data() takes an OutputTag, not {output_tag!r}")
        self.late_tag = output_tag

    # -- operators --------------------------------------------------------------------------------------------------

    def reduce(self, function: Any, window_function: Any, output_type: Any) -> DataStream:
        """Reduce the elements as they come."""
        check_function(function, ReduceFunction, "reduce")
        if window_function is None and output_type is None:
            output_type = self.stream._transformation.output_type
        return self._add("reduce", function, window_function, output_type)

    def aggregate(self, function: Any, window_function: Any, accumulator_type: Any, output_type: Any) -> DataStream:
        """Aggregate the elements as they come."""
        check_function_class(function, AggregateFunction, "aggregate")
        if not isinstance(accumulator_type, (TypeInformation, list, type(None))):
            raise TypeError(f"{call_site()}: accumulator_type must be a TypeInformation, not {accumulator_type!r}")
        return self._add("aggregate", function, window_function, output_type)

    def rolling(self, kind: str, field: int | str) -> DataStream:
        """``sum``, ``min``, ``max``, ``min_by`` or ``max_by`` of a field."""
        field_getter(field)  # refuses, here and not in the job, what is no field
        return self._add("reduce", AggregateSpec(kind, field, None), None, self.stream._transformation.output_type)

    def on_elements(self, window_function: Any, output_type: Any) -> DataStream:
        """Apply a window function to all elements."""
        return self._add("list", None, window_function, output_type)

    def check_window_function(self, given: Any, method: str, *classes: type[Function], callables: bool) -> None:
        """Refuse what is no window function.

        :param callables: a callable will do as well.
        :raises TypeError: it is none.
        """
        if isinstance(given, classes):
            return
        if callables and len(classes) == 1:
            check_function(given, classes[0], method)
        elif not (callables and callable(given) and not isinstance(given, (type, Function))):
            check_function_class(given, classes[0], method, classes[1:])

    def _add(self, kind: str, function: Any, window_function: Any, output_type: Any) -> DataStream:
        evictor = self.own_evictor
        spec = WindowSpec(
            self.assigner,
            kind if evictor is None else "list",
            self.stream._key_selector(),
            function if evictor is None else None,
            window_function,
            self._trigger(),
            evictor,
            None if evictor is None else function,
            self.lateness_ms,
            "" if self.late_tag is None else self.late_tag.tag_id,
        )
        stream = self.stream._operator("window", type(self.assigner).__name__, spec, output_type)
        if spec.key_selector is None:
            stream.force_non_parallel()
        functions = ", ".join(_name(each) for each in (function, window_function) if each is not None)
        stream.set_description(f"{self.owner}({self.assigner!r}, {type(self._trigger_in_use()).__name__}, {functions})")
        return stream

    def _trigger_in_use(self) -> Any:
        return self.own_trigger or self.assigner.get_default_trigger(self.stream._environment)

    def _trigger(self) -> Trigger[Any, Any] | None:
        """The trigger that runs; ``None``: the one that the assigner, which is one of ours, has anyway."""
        default = self.assigner.get_default_trigger(self.stream._environment)
        own = self.own_trigger
        if own is None:
            if not isinstance(default, Trigger):
                raise InvalidProgramError(
                    f"{call_site()}: get_default_trigger() of {type(self.assigner).__name__} must return a Trigger, "
                    f"not {default!r}"
                )
            self._check_can_merge(default)
            own = default
        ours = type(self.assigner).__module__.rpartition(".")[0] == _OURS
        same = own is default or (type(own) is type(default) and isinstance(own, _DEFAULT_TRIGGERS))
        return None if ours and same else own


def _name(function: Any) -> str:
    return function.kind if isinstance(function, AggregateSpec) else type(function).__name__
