"""Two streams on their way to ``apply``: keyed one after the other, then put into windows together.

Both streams' records are tagged and united, keyed by their own stream's selector, and go through a window operator
that keeps them all; so assigners, triggers and evictors are just those of windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from millstream.common.errors import InvalidProgramError
from millstream.datastream.call_site import call_site
from millstream.datastream.data_stream import DataStream
from millstream.datastream.keyed_stream import key_selector_of
from millstream.datastream.output_type import declared_output_type
from millstream.datastream.pair_functions import PairKey
from millstream.datastream.tagged_union import tag_first, tag_second

if TYPE_CHECKING:
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.functions import KeySelector
    from millstream.datastream.pair_functions import PairWindowFunction
    from millstream.datastream.window import Evictor, Trigger, WindowAssigner
    from millstream.datastream.windowed_stream import WindowedStream

__all__ = ["EqualTo", "KeyedPair", "Where", "WithWindow"]


@dataclass(frozen=True, slots=True)
class KeyedPair:
    """What is known of the two streams so far.

    :ivar name: of the operator: ``Join`` or ``CoGroup``.
    :ivar window_function: makes the window function of what the user gives to ``apply``.
    """

    first: DataStream
    second: DataStream
    name: str
    window_function: Callable[[Any], PairWindowFunction]
    first_key: Callable[[Any], Any] | KeySelector
    second_key: Callable[[Any], Any] | KeySelector | None = None
    key_type: TypeInformation | None = None

    def windowed(self, assigner: WindowAssigner[Any, Any]) -> WindowedStream:
        """Both streams' records in windows."""
        assert self.second_key is not None  # equal_to() has been called
        united = _tagged(self.first, tag_first).union(_tagged(self.second, tag_second))
        return united.key_by(PairKey(self.first_key, self.second_key), key_type=self.key_type).window(assigner)


class Where:
    """The first stream's key is known."""

    def __init__(self, pair: KeyedPair) -> None:
        self._pair = pair

    def equal_to(
        self, key_selector: Callable[[Any], Any] | KeySelector | int | str, key_type: TypeInformation | None = None
    ) -> EqualTo:
        """Say what the second stream's records are keyed by.

        :raises InvalidProgramError: the types of the two keys are stated and differ.
        """
        pair = self._pair
        if key_type is not None and pair.key_type is not None and key_type != pair.key_type:
            raise InvalidProgramError(
                f"{call_site()}: the keys of the two streams are of different types, {pair.key_type!r} and {key_type!r}"
            )
        selector = key_selector_of((key_selector,))
        return EqualTo(replace(pair, second_key=selector, key_type=key_type or pair.key_type))


class EqualTo:
    """Both keys are known."""

    def __init__(self, pair: KeyedPair) -> None:
        self._pair = pair

    def window(self, window_assigner: WindowAssigner[Any, Any]) -> WithWindow:
        """Put both streams' records into windows; an assigner sees them as ``TaggedUnion`` s."""
        return WithWindow(self._pair, self._pair.windowed(window_assigner))


class WithWindow:
    """What lacks only the function."""

    def __init__(self, pair: KeyedPair, windowed: WindowedStream) -> None:
        self._pair = pair
        self._windowed = windowed

    def trigger(self, trigger: Trigger[Any, Any]) -> WithWindow:
        """Set when windows are evaluated."""
        self._windowed = self._windowed.trigger(trigger)
        return self

    def evictor(self, evictor: Evictor[Any, Any]) -> WithWindow:
        """Set which records leave a window before or after it is evaluated."""
        self._windowed = self._windowed.evictor(evictor)
        return self

    def allowed_lateness(self, time: Any) -> WithWindow:
        """Keep windows for late records so long (ms, or a length of time) after their end."""
        self._windowed = self._windowed.allowed_lateness(time)
        return self

    def apply(self, function: Any, output_type: TypeInformation | list[TypeInformation] | None = None) -> DataStream:
        """Have the function called whenever a window is evaluated."""
        window_function = self._pair.window_function(function)
        stream = self._windowed.apply(window_function, declared_output_type(output_type))
        return stream.name(self._pair.name)


def _tagged(stream: DataStream, tag: Callable[[Any], Any]) -> DataStream:
    tagged = DataStream(stream._environment, stream._transformation).map(tag)
    stream._like_input(tagged)
    return tagged
