"""Where an operator keeps what it remembers per key.

The operator says whose turn it is by assigning :attr:`KeyedStateBackend.key`; every state object that the backend gave
out then means that key. Window state belongs to a key and a window: its state objects look at a
:class:`NamespaceHolder` too. One backend serves one operator, and only between its calls is it snapshotted, so a
snapshot is of one moment.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from millstream.common.checkpoint.streams import StateReader
from millstream.common.config import Configuration
from millstream.common.errors import MillstreamError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.taskmanager.state.snapshot import RunningSnapshot, SnapshotOptions
from millstream.taskmanager.state.timer_queue import TimerQueue

if TYPE_CHECKING:
    from millstream.datastream.state import State, StateDescriptor

__all__ = ["NO_KEY", "KeyedBackendSettings", "KeyedStateBackend", "KeyedTable", "NamespaceHolder", "NoCurrentKeyError"]


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


def _epoch() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class KeyedBackendSettings:
    """What a backend is made with.

    :ivar now_ms: the processing time, by which state expires.
    :ivar key_groups: those that the subtask owns.
    :ivar configuration: the TaskManager's settings with the job's over them.
    :ivar directory: for the backend's own files, on a local disk; the backend makes a directory of its own in it.
    :ivar own_process: the slot has a process of its own, which may be forked.
    """

    now_ms: Callable[[], int] = _epoch
    key_groups: KeyGroupRange = field(default_factory=lambda: KeyGroupRange(0, 127))
    max_parallelism: int = 128
    operator_id: str = ""
    operator_name: str = ""
    subtask_index: int = 0
    configuration: Configuration = field(default_factory=Configuration)
    directory: Path | None = None
    own_process: bool = False


class KeyedTable(Protocol):
    """Values by key, for operators that work on whole batches themselves. A part of the snapshots."""

    def load(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """Return a dict that has the values of these keys; those without a value are not in it.

        It is always the same dict. It may have values of other keys; with a backend in memory it has all.
        """
        ...

    def store(self, keys: Iterable[Any]) -> None:
        """Keep what the dict says by now about these keys, which were loaded last."""
        ...


class KeyedStateBackend(ABC):
    """The keyed state of one operator.

    :ivar key: the current key; operators assign it before they let user code run, and :data:`NO_KEY` where it works for
        no key.
    :ivar in_memory: state objects are the user's own objects in dicts (:class:`HeapKeyedStateBackend`), which operators
        that know it may work on directly.
    """

    key: Any = NO_KEY
    in_memory: bool = False

    @abstractmethod
    def value_table(self, name: str) -> KeyedTable:
        """Return the table of values with this name; always the same one."""

    def begin_batch(self, keys: Sequence[Any]) -> None:  # noqa: B027  # optional hook
        """Records of these keys (perhaps repeated) come next: what is read of them may be fetched together."""

    def end_batch(self) -> None:  # noqa: B027  # optional hook
        """The batch is done: what was written may be written out together."""

    def clean_up_for_records(self, count: int) -> None:  # noqa: B027  # optional hook
        """Make the steps of cleaning up expired state that are due for ``count`` records."""

    @abstractmethod
    def forget_keys(self) -> None:
        """Remove all state and timers; state objects stay usable."""

    @abstractmethod
    def get_state(self, descriptor: StateDescriptor, namespace: NamespaceHolder | None = None) -> State:
        """Return the state object of a descriptor; always the same one for the same name and holder.

        :param namespace: whose current namespace the state belongs to; ``None``: to the key as such.
        :raises MillstreamError: the name is that of a state with another kind or type.
        """

    @abstractmethod
    def timers(self, name: str, *, namespaced: bool | None = None) -> TimerQueue:
        """Return the timers of this name, which are a part of the snapshots; always the same queue.

        :param namespaced: its entries are pairs of key and namespace, not keys; ``None``: as it was restored or said
            before, else keys.
        """

    @abstractmethod
    def timers_fired(self) -> int:
        """Timers that were due and taken out, of all queues so far."""

    @abstractmethod
    def merge_namespaces(self, descriptor: StateDescriptor, target: Hashable, sources: Iterable[Hashable]) -> None:
        """For the current key, add what the namespaces ``sources`` hold to ``target``'s, and remove it there.

        For list, reducing and aggregating state.
        """

    @abstractmethod
    def keys(self, name: str, namespace: Hashable = None) -> list[Any]:
        """The keys that have a value in a state."""

    @abstractmethod
    def keys_and_namespaces(self, name: str) -> Iterator[tuple[Any, Hashable]]:
        """All keys with the namespaces in which they have a value of a state. Nothing may change meanwhile."""

    @abstractmethod
    def start_snapshot(self, options: SnapshotOptions) -> RunningSnapshot[KeyedStateHandle | None]:
        """Hold fast all state and timers as they are now; later changes of any kind do not touch the snapshot.

        The running snapshot gives ``None`` if there is nothing.
        """

    @abstractmethod
    def restore(self, handles: Sequence[KeyedStateHandle], reader: StateReader) -> None:
        """Go on from what is in these handles for the backend's own key groups, in place of all there was.

        Blocks, in a thread, while nothing else uses the backend. State objects may be asked for before or after.

        :raises MillstreamError: a handle's format cannot be read, its file is broken, or the types of a state changed
            in a way that cannot be bridged.
        """

    def notify_checkpoint_complete(self, checkpoint_id: int) -> None:  # noqa: B027  # optional hook
        """Later snapshots may refer to the files of this one."""

    def notify_checkpoint_aborted(self, checkpoint_id: int) -> None:  # noqa: B027  # optional hook
        """No snapshot may refer to the files of this one."""

    def properties(self) -> dict[str, Callable[[str], int | None]]:
        """What gives numbers of the database behind each state, by the name that the database has for the number."""
        return {}

    def close(self) -> None:  # noqa: B027  # optional hook
        """Let go of memory and files. Called once; running snapshots are discarded before."""
