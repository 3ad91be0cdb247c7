"""What a function says of the state it wants: a name, a type, and perhaps a time to live."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from millstream.common.typeinfo import TypeInformation, Types

if TYPE_CHECKING:
    from millstream.datastream.functions.aggregate_function import AggregateFunction
    from millstream.datastream.functions.reduce_function import ReduceFunction
    from millstream.datastream.state.state_ttl_config import StateTtlConfig

__all__ = [
    "AggregatingStateDescriptor",
    "ListStateDescriptor",
    "MapStateDescriptor",
    "ReducingStateDescriptor",
    "StateDescriptor",
    "ValueStateDescriptor",
]


class StateDescriptor(ABC):
    """Names and describes a state. The name is unique in an operator, and it is how state is found after a restart.

    :ivar name: the name.
    :ivar type_info: the type of what is stored; ``None``: any objects.
    """

    def __init__(self, name: str, type_info: TypeInformation | None = None) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"{type(self).__name__}: the name of a state is a text that is not empty, not {name!r}")
        _check_type(self, name, type_info)
        self.name = name
        self.type_info = type_info
        self._ttl_config: StateTtlConfig | None = None

    def get_name(self) -> str:
        """The name of the state."""
        return self.name

    def enable_time_to_live(self, ttl_config: StateTtlConfig) -> None:
        """Let values expire some time after they were written (or read)."""
        self._ttl_config = ttl_config

    def get_ttl_config(self) -> StateTtlConfig | None:
        """The time to live, ``None`` if values do not expire."""
        config = self._ttl_config
        return config if config is not None and config.is_enabled() else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.type_info!r})"


def _check_type(descriptor: StateDescriptor, name: object, type_info: object) -> None:
    if type_info is not None and not isinstance(type_info, TypeInformation):
        raise TypeError(
            f"{type(descriptor).__name__}({name!r}): the type has to be a TypeInformation such as Types.STRING(), "
            f"not {type_info!r}"
        )


class ValueStateDescriptor(StateDescriptor):
    """Describes a :class:`~millstream.datastream.state.ValueState`."""

    def __init__(self, name: str, value_type_info: TypeInformation | None = None) -> None:
        super().__init__(name, value_type_info)


class ListStateDescriptor(StateDescriptor):
    """Describes a :class:`~millstream.datastream.state.ListState`."""

    def __init__(self, name: str, elem_type_info: TypeInformation | None = None) -> None:
        _check_type(self, name, elem_type_info)
        super().__init__(name, None if elem_type_info is None else Types.LIST(elem_type_info))


class MapStateDescriptor(StateDescriptor):
    """Describes a :class:`~millstream.datastream.state.MapState`, or the broadcast state of an operator."""

    def __init__(
        self,
        name: str,
        key_type_info: TypeInformation | None = None,
        value_type_info: TypeInformation | None = None,
    ) -> None:
        _check_type(self, name, key_type_info)
        _check_type(self, name, value_type_info)
        type_info: TypeInformation | None = None
        if key_type_info is not None and value_type_info is not None:
            type_info = Types.MAP(key_type_info, value_type_info)
        super().__init__(name, type_info)


class ReducingStateDescriptor(StateDescriptor):
    """Describes a :class:`~millstream.datastream.state.ReducingState`.

    :param reduce_function: a ``ReduceFunction`` or a callable of two values.
    """

    def __init__(
        self,
        name: str,
        reduce_function: ReduceFunction | Callable[[Any, Any], Any],
        type_info: TypeInformation | None = None,
    ) -> None:
        # These modules import one another's packages.
        from millstream.datastream.functions.callable_reduce_function import CallableReduceFunction
        from millstream.datastream.functions.reduce_function import ReduceFunction

        super().__init__(name, type_info)
        if not isinstance(reduce_function, ReduceFunction):
            if not callable(reduce_function) or isinstance(reduce_function, type):
                raise TypeError(
                    f"ReducingStateDescriptor({name!r}): The input must be a ReduceFunction or a callable function, "
                    f"not {reduce_function!r}"
                )
            reduce_function = CallableReduceFunction(reduce_function)
        self._reduce_function = reduce_function

    def get_reduce_function(self) -> ReduceFunction:
        """What combines two values."""
        return self._reduce_function


class AggregatingStateDescriptor(StateDescriptor):
    """Describes a :class:`~millstream.datastream.state.AggregatingState`.

    :param agg_function: what folds values into an accumulator.
    :param state_type_info: the type of the accumulator.
    """

    def __init__(
        self, name: str, agg_function: AggregateFunction, state_type_info: TypeInformation | None = None
    ) -> None:
        from millstream.datastream.functions.aggregate_function import AggregateFunction

        super().__init__(name, state_type_info)
        if not isinstance(agg_function, AggregateFunction):
            raise TypeError(
                f"AggregatingStateDescriptor({name!r}): The input must be an AggregateFunction, not {agg_function!r}"
            )
        self._agg_function = agg_function

    def get_agg_function(self) -> AggregateFunction:
        """What folds values into an accumulator."""
        return self._agg_function
