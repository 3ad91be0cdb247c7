"""What a program is made of while it is written: a graph of transformations, from the sinks back to the sources.

Streams are handles on transformations. Only an :class:`OperatorTransformation` runs as an operator; a partitioning, a
union or a side output says how records get to the operators after it, and leaves no trace but the edges of the stream
graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from millstream.common.graph.shown_name import shown_name
from millstream.datastream.chaining_strategy import ChainingStrategy

if TYPE_CHECKING:
    from millstream.common.graph.operator_spec import OperatorSpec, PartitionerSpec
    from millstream.common.typeinfo import TypeInformation
    from millstream.datastream.call_site import CallSite

__all__ = [
    "OperatorTransformation",
    "PartitionTransformation",
    "SideOutputTransformation",
    "Transformation",
    "UnionTransformation",
]


@dataclass(slots=True, eq=False)
class OperatorTransformation:
    """An operator of the program.

    :ivar id: counts the environment's transformations from 1.
    :ivar kind: ``source``, ``sink``, ``map``, ...: for display and rules.
    :ivar name: the user's name for it.
    :ivar inputs: one for each logical input: none for a source, two for an operator on connected streams.
    :ivar parallelism: ``None``: the environment's when the job is built.
    :ivar max_parallelism: ``None``: the environment's, else derived.
    :ivar non_parallel: it cannot run but at parallelism 1.
    :ivar buffer_timeout: ms; ``None``: the environment's.
    :ivar slot_sharing_group: ``None``: that of its inputs.
    """

    id: int
    kind: str
    name: str
    spec: OperatorSpec
    inputs: tuple[Transformation, ...]
    call_site: CallSite
    output_type: TypeInformation | None = None
    parallelism: int | None = None
    max_parallelism: int | None = None
    non_parallel: bool = False
    uid: str = ""
    uid_hash: str = ""
    description: str = ""
    slot_sharing_group: str | None = None
    co_location_group: str = ""
    buffer_timeout: int | None = None
    chaining_strategy: ChainingStrategy = ChainingStrategy.ALWAYS

    @property
    def display_name(self) -> str:
        """The name as plans and vertices show it: sources and sinks are marked."""
        return shown_name(self.name, self.kind)


@dataclass(slots=True, eq=False)
class PartitionTransformation:
    """Says to which subtasks of the next operator records go.

    :ivar partitioner: ``FORWARD``, ``HASH``, ``REBALANCE``, ``RESCALE``, ``SHUFFLE``, ``BROADCAST``, ``GLOBAL`` or
        ``CUSTOM``.
    :ivar spec: for ``HASH`` and ``CUSTOM``.
    """

    id: int
    partitioner: str
    input: Transformation
    call_site: CallSite
    spec: PartitionerSpec | None = None

    @property
    def inputs(self) -> tuple[Transformation, ...]:
        return (self.input,)

    @property
    def output_type(self) -> TypeInformation | None:
        return self.input.output_type

    @output_type.setter
    def output_type(self, value: TypeInformation | None) -> None:
        self.input.output_type = value


@dataclass(slots=True, eq=False)
class UnionTransformation:
    """The records of several streams as one; a stream may come more than once."""

    id: int
    inputs: tuple[Transformation, ...]
    call_site: CallSite
    _output_type: Any = field(default=None)

    @property
    def output_type(self) -> TypeInformation | None:
        return self._output_type if self._output_type is not None else self.inputs[0].output_type

    @output_type.setter
    def output_type(self, value: TypeInformation | None) -> None:
        self._output_type = value


@dataclass(slots=True, eq=False)
class SideOutputTransformation:
    """The records that an operator puts out with a tag."""

    id: int
    input: OperatorTransformation
    tag: str
    call_site: CallSite
    output_type: TypeInformation | None = None

    @property
    def inputs(self) -> tuple[Transformation, ...]:
        return (self.input,)


Transformation: TypeAlias = (
    OperatorTransformation | PartitionTransformation | UnionTransformation | SideOutputTransformation
)
