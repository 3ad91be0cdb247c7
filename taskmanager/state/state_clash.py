"""Refuses a state that is asked for once more under the name of another one, in the same words on every backend."""

from __future__ import annotations

from millstream.common.errors import StateMismatchError
from millstream.common.typeinfo import TypeInformation
from millstream.datastream.state import StateDescriptor
from millstream.taskmanager.state.heap_state_kind import kind_of

__all__ = ["check_same_state", "check_same_type"]


def check_same_state(
    name: str, kind: str, type_info: TypeInformation | None, expires: bool, descriptor: StateDescriptor
) -> None:
    """See whether a keyed state may be asked for with this descriptor.

    :param kind: what the state of this name is, with the two that follow; ``kind_of`` says which there are.
    :param expires: it has a time to live.
    :raises StateMismatchError: it is another state.
    :raises MillstreamError: it is no descriptor of keyed state.
    """
    asked = kind_of(descriptor)
    if kind != asked:
        raise StateMismatchError(
            f"state {name!r} is {kind} state already and cannot be {asked} state as well; "
            "give the second one a name of its own"
        )
    check_same_type(name, type_info, descriptor.type_info)
    will_expire = descriptor.get_ttl_config() is not None
    if expires != will_expire:
        raise StateMismatchError(
            f"state {name!r} was used {'with' if expires else 'without'} a time to live before and "
            f"{'has one' if will_expire else 'has none'} now; use the same descriptor, or another name"
        )


def check_same_type(name: str, known: TypeInformation | None, asked: TypeInformation | None) -> None:
    """See whether two types of one state are the same, as far as they are known.

    :raises StateMismatchError: they are not.
    """
    types = known, asked
    if None not in types and types[0] != types[1]:
        raise StateMismatchError(
            f"state {name!r} has the type {types[0]!r} already and cannot have the type {types[1]!r} as well; "
            "give the second one a name of its own"
        )
