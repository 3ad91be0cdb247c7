"""Where an operator keeps what it remembers per key.

The operator says whose turn it is by assigning :attr:`KeyedStateBackend.key`; every state object that the backend gave
out then means that key. Window state belongs to a key and a window: its state objects look at a
:class:`NamespaceHolder` too. One backend serves one operator, and only between its calls is it snapshotted, so a
snapshot is of one moment.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

from millstream.common.errors import MillstreamError
from millstream.taskmanager.state.timer_queue import TimerQueue

if TYPE_CHECKING:
    from millstream.datastream.state import State, StateDescriptor

__all__ = ["NO_KEY", "KeyedStateBackend", "NamespaceHolder", "NoCurrentKeyError"]


class NoCurrentKeyError(MillstreamError):
    """Keyed state was used where no record or timer of a key is being processed."""

    def of_state(self, name: str) -> NoCurrentKeyError:
        """The same error with the state's name before it."""
        return NoCurrentKeyError(f"state {name!r}: {self}")


class _NoKey:
    """Cannot be looked up anywhere, so that whoever uses state without a key is told at no cost to all others."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise NoCurrentKeyError(
            "keyed state or a timer was used where there is no key: it belongs to the key of the record or timer that "
            "is being processed; in open(), close() and for broadcast records there is none. Get the state object in "
            "open(), and use it in process_element(), on_timer() or whatever works on a record"
        )

    def __repr__(self) -> str:
        return "NO_KEY"


NO_KEY: Any = _NoKey()
"""The current key when there is none."""


class NamespaceHolder:
    """Which namespace (a window) state objects mean at the moment.

    :ivar current: hashable and picklable.
    """

    __slots__ = ("current",)

    def __init__(self) -> None:
        self.current: Hashable = None


class KeyedStateBackend(ABC):
    """The keyed state of one operator.

    :ivar key: the current key; operators assign it before they let user code run, and :data:`NO_KEY` where it works for
        no key.
    """

    key: Any = NO_KEY

    @abstractmethod
    def get_state(self, descriptor: StateDescriptor, namespace: NamespaceHolder | None = None) -> State:
        """Return the state object of a descriptor; always the same one for the same name and holder.

        :param namespace: whose current namespace the state belongs to; ``None``: to the key as such.
        :raises MillstreamError: the name is that of a state with another kind or type.
        """

    @abstractmethod
    def timers(self, name: str) -> TimerQueue:
        """Return the timers of this name, which are a part of the snapshots."""

    @abstractmethod
    def merge_namespaces(self, descriptor: StateDescriptor, target: Hashable, sources: Iterable[Hashable]) -> None:
        """For the current key, add what the namespaces ``sources`` hold to ``target``'s, and remove it there.

        For list, reducing and aggregating state.
        """

    @abstractmethod
    def keys(self, name: str, namespace: Hashable = None) -> list[Any]:
        """The keys that have a value in a state."""

    @abstractmethod
    def snapshot(self) -> Any:
        """All state and timers, as an object that later changes do not touch and that can be pickled."""

    @abstractmethod
    def restore(self, snapshot: Any) -> None:
        """Go on from a snapshot. State objects may be asked for before or after."""
