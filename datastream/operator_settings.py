"""The settings of one operator, as streams and sinks let the user change them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from millstream.common.errors import InvalidProgramError
from millstream.datastream.call_site import call_site
from millstream.datastream.chaining_strategy import ChainingStrategy
from millstream.datastream.graph.stream_graph_generator import MAX_PARALLELISM_LIMIT
from millstream.datastream.slot_sharing_group import SlotSharingGroup
from millstream.datastream.transformation import (
    OperatorTransformation,
    PartitionTransformation,
    SideOutputTransformation,
    Transformation,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["OperatorSettings"]

_UID_HASH = re.compile(r"[0-9a-f]{32}\Z")


class OperatorSettings:
    """Changes an operator's settings, after a check of each value."""

    __slots__ = ("_operator",)

    def __init__(self, operator: OperatorTransformation) -> None:
        self._operator = operator

    @classmethod
    def of(cls, transformation: Transformation, method: str) -> Self:
        """The settings of the operator that makes a stream.

        :raises InvalidProgramError: no operator makes it, but a partitioning or a union.
        """
        if isinstance(transformation, OperatorTransformation):
            return cls(transformation)
        if isinstance(transformation, PartitionTransformation):
            what = transformation.partitioner.lower()
        elif isinstance(transformation, SideOutputTransformation):
            what = f"side output {transformation.tag!r}"
        else:
            what = "union"
        raise InvalidProgramError(
            f"{call_site()}: {method}() is for operators; {what} ({transformation.call_site}) only says how records "
            f"get to the next one: call {method}() there"
        )

    def get_name(self) -> str:
        return self._operator.name

    def name(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"{call_site()}: an operator's name is a text that is not empty, not {name!r}")
        self._operator.name = name

    def uid(self, uid: str) -> None:
        if not isinstance(uid, str) or not uid:
            raise TypeError(f"{call_site()}: a uid is a text that is not empty, not {uid!r}")
        self._operator.uid = uid

    def set_uid_hash(self, uid_hash: str) -> None:
        if not isinstance(uid_hash, str) or not _UID_HASH.match(uid_hash):
            raise InvalidProgramError(
                f"{call_site()}: the uid hash of {self._operator.name!r} must be 32 lower-case hexadecimal digits, not "
                f"{uid_hash!r}"
            )
        self._operator.uid_hash = uid_hash

    def set_parallelism(self, parallelism: int) -> None:
        _check_number("parallelism", parallelism)
        name = self._operator.name
        if parallelism < 1:
            raise InvalidProgramError(
                f"{call_site()}: the parallelism of {name!r} must be at least 1, not {parallelism}"
            )
        if self._operator.non_parallel and parallelism != 1:
            raise InvalidProgramError(
                f"{call_site()}: the parallelism of {name!r} must be 1, not {parallelism}: it is a non-parallel "
                "operator (a source needs to be a ParallelSourceFunction to have more)"
            )
        self._operator.parallelism = parallelism

    def set_max_parallelism(self, max_parallelism: int) -> None:
        _check_number("max parallelism", max_parallelism)
        if not 1 <= max_parallelism <= MAX_PARALLELISM_LIMIT:
            raise InvalidProgramError(
                f"{call_site()}: the max parallelism of {self._operator.name!r} must be from 1 to "
                f"{MAX_PARALLELISM_LIMIT}, not {max_parallelism}"
            )
        self._operator.max_parallelism = max_parallelism

    def force_non_parallel(self) -> None:
        self._operator.parallelism = 1
        self._operator.max_parallelism = 1
        self._operator.non_parallel = True

    def set_buffer_timeout(self, timeout_millis: int) -> None:
        _check_number("buffer timeout", timeout_millis)
        if timeout_millis < -1:
            raise ValueError(f"{call_site()}: a buffer timeout is a number of ms, 0 or -1 (off), not {timeout_millis}")
        self._operator.buffer_timeout = timeout_millis

    def start_new_chain(self) -> None:
        self._operator.chaining_strategy = ChainingStrategy.HEAD

    def disable_chaining(self) -> None:
        self._operator.chaining_strategy = ChainingStrategy.NEVER

    def slot_sharing_group(self, group: str | SlotSharingGroup) -> None:
        name = group.get_name() if isinstance(group, SlotSharingGroup) else group
        if not isinstance(name, str) or not name:
            raise TypeError(f"{call_site()}: a slot sharing group is a name or a SlotSharingGroup, not {group!r}")
        self._operator.slot_sharing_group = name

    def set_description(self, description: str) -> None:
        self._operator.description = str(description)


def _check_number(what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{call_site()}: {what} must be an int, not {value!r}")
