"""What was restored and nobody has asked for yet.

The type and the classes of a state's values are known when the program asks for the state, so until then its entries
stay as they were stored. If nobody ever asks, they go into the next snapshots as they are, without the classes of what
is in them: a later version of the program may ask again.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from millstream.common.checkpoint.streams import StateReader
from millstream.common.errors import StateMismatchError
from millstream.common.key_groups import KeyGroupRange
from millstream.common.typeinfo import TypeInformation
from millstream.common.wire.checkpoint_pb2 import KeyedStateHandle
from millstream.taskmanager.state.canonical_format import EntryBlock, StateMeta
from millstream.taskmanager.state.canonical_reader import CanonicalReader
from millstream.taskmanager.state.stored_segment import StoredSegment, decode_segments

__all__ = ["CANONICAL_HANDLE", "RestoredStates"]

CANONICAL_HANDLE = "canonical"
"""The format that a handle of a canonical file says."""


class RestoredStates:
    """Segments of canonical files, by state."""

    __slots__ = ("_by_name",)

    def __init__(self) -> None:
        self._by_name: dict[str, list[tuple[int, StoredSegment]]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def names(self) -> list[str]:
        """The names of the states."""
        return list(self._by_name)

    def clear(self) -> None:
        """Forget all."""
        self._by_name.clear()

    def add(
        self,
        handles: Sequence[KeyedStateHandle],
        reader: StateReader,
        key_groups: KeyGroupRange,
        max_parallelism: int,
        without: Container[str] = (),
    ) -> None:
        """Read the segments of some key groups.

        :param without: states that are not wanted.
        :raises MillstreamError: a file is broken, or it is not a canonical one.
        """
        for handle in handles:
            theirs = KeyGroupRange(handle.first_key_group, handle.last_key_group)
            if not len(key_groups.intersection(theirs)):
                continue
            if handle.format != CANONICAL_HANDLE:
                raise StateMismatchError(
                    f"the snapshot has keyed state in the format {handle.format!r}, which only the state backend that "
                    "wrote it reads; take a savepoint in canonical format with that backend and restore from it"
                )
            source = handle.file.path or "the keyed state in the snapshot's metadata"
            with reader.open(handle.file) as file:
                found = CanonicalReader(file, source)
                if found.max_parallelism != max_parallelism:
                    raise StateMismatchError(
                        f"{source} was written with the max parallelism {found.max_parallelism}, and the operator has "
                        f"{max_parallelism} now; set it to what it was (set_max_parallelism)"
                    )
                for group, segment in found.segments(key_groups):
                    if segment.meta.name not in without:
                        self._by_name.setdefault(segment.meta.name, []).append((group, segment))

    def metas(self, name: str) -> Iterator[StateMeta]:
        """What the files say of a state, each time something else."""
        seen: list[StateMeta] = []
        for _, segment in self._by_name.get(name, ()):
            if segment.meta not in seen:
                seen.append(segment.meta)
                yield segment.meta

    def take(self, name: str, type_info: TypeInformation | None) -> Iterator[EntryBlock]:
        """Decode the entries of a state; afterwards it is not here any more.

        :param type_info: the type that it is declared with now; ``None``: none.
        :raises MillstreamError: classes are missing, refuse, or have changed in a way that cannot be bridged. Then all
            of it is still here.
        """
        segments = [segment for _, segment in self._by_name.get(name, ())]
        yield from decode_segments(segments, type_info)
        self._by_name.pop(name, None)

    def by_group(self) -> dict[int, list[StoredSegment]]:
        """All segments, by key group."""
        groups: dict[int, list[StoredSegment]] = {}
        for segments in self._by_name.values():
            for group, segment in segments:
                groups.setdefault(group, []).append(segment)
        return groups
