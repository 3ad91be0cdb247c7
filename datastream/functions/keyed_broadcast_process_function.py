"""The broadcast state pattern on a keyed stream."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from millstream.datastream.functions.base_broadcast_process_function import BaseBroadcastProcessFunction

if TYPE_CHECKING:
    from millstream.datastream.functions.keyed_state_function import KeyedStateFunction
    from millstream.datastream.state import State, StateDescriptor
    from millstream.datastream.time_domain import TimeDomain
    from millstream.datastream.timerservice import TimerService

__all__ = ["KeyedBroadcastProcessFunction"]

KEY = TypeVar("KEY")
IN1 = TypeVar("IN1")
IN2 = TypeVar("IN2")
OUT = TypeVar("OUT")


class KeyedBroadcastProcessFunction(BaseBroadcastProcessFunction, Generic[KEY, IN1, IN2, OUT]):
    """Processes a keyed stream's records, with the key's state and timers, by what a broadcast stream has said."""

    class Context(BaseBroadcastProcessFunction.Context, ABC):
        """For a record of the broadcast stream. It has no key."""

        @abstractmethod
        def apply_to_keyed_state(
            self,
            state_descriptor: StateDescriptor,
            function: Callable[[Any, State], object] | KeyedStateFunction[Any, Any],
        ) -> None:
            """Call ``function(key, state)`` for each key of this subtask that has a value in a state.

            It may change the state, also remove it. It cannot emit anything.

            :param function: a callable, or an object with a method ``process(key, state)``.
            """

    class ReadOnlyContext(BaseBroadcastProcessFunction.ReadOnlyContext, ABC):
        """For a record of the keyed stream."""

        @abstractmethod
        def timer_service(self) -> TimerService:
            """Current times, and the timers of the current key."""

        @abstractmethod
        def get_current_key(self) -> Any:
            """The key of the record, or of the timer."""

    class OnTimerContext(ReadOnlyContext, ABC):
        """The same for a timer."""

        @abstractmethod
        def time_domain(self) -> TimeDomain:
            """Which clock the timer was set by."""

    @abstractmethod
    def process_element(self, value: IN1, ctx: KeyedBroadcastProcessFunction.ReadOnlyContext) -> Any:
        """Process a record of the keyed stream."""

    @abstractmethod
    def process_broadcast_element(self, value: IN2, ctx: KeyedBroadcastProcessFunction.Context) -> Any:
        """Process a record of the broadcast stream. Every subtask must change the broadcast state in the same way."""

    def on_timer(self, timestamp: int, ctx: KeyedBroadcastProcessFunction.OnTimerContext) -> Any:
        """A timer that was set for ``timestamp`` (ms) has come; results as those of the other methods."""
