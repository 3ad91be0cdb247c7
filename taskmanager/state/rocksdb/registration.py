"""What is known of a state: from its descriptor, from a snapshot, or from both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from millstream.common.errors import StateMismatchError
from millstream.common.typeinfo import TypeInformation
from millstream.datastream.state import StateDescriptor
from millstream.taskmanager.state.canonical_format import StateMeta
from millstream.taskmanager.state.heap_state_kind import kind_of
from millstream.taskmanager.state.state_clash import check_same_state
from millstream.taskmanager.state.ttl_clock import TtlClock
from millstream.taskmanager.state.type_form import Convert, UnlikeTypesError, form_of, widening

__all__ = ["Registration", "StoredType"]


@dataclass(slots=True)
class StoredType:
    """What the values in the database were declared as by who wrote them.

    :ivar meta: the state's in the snapshot.
    :ivar source: the snapshot, for messages.
    :ivar refusal: why the values could not be read without knowing what they are declared as now.
    """

    meta: StateMeta
    source: str
    refusal: StateMismatchError | None = None

    def conversion(self, type_info: TypeInformation) -> Convert | None:
        """Return what makes values of the type that is declared now; ``None``: they are such.

        :raises StateMismatchError: nothing does.
        """
        try:
            return widening(self.meta.value_type, form_of(type_info))
        except UnlikeTypesError as error:
            inside = f" (in it {'.'.join(error.path)}: {error.old} and {error.new})" if error.path else ""
            raise StateMismatchError(
                f"state {self.meta.name!r} cannot be restored from {self.source}: it was declared as "
                f"{self.meta.value_type} and is declared differently now{inside}: {error}; give the state another "
                "name, and convert in the program"
            ) from None


@dataclass(slots=True)
class Registration:
    """A state of a backend.

    :ivar kind: as in :class:`StateMeta`.
    :ivar expires: values are stamped.
    :ivar namespaced: some belong to a namespace.
    :ivar type_info: as declared; ``None``: not declared, or not yet.
    :ivar stored_type: of what was restored, until the state is declared.
    :ivar clock: of a state that expires, once it is declared.
    :ivar trims_snapshots: canonical snapshots leave out what has expired.
    """

    name: str
    kind: str
    expires: bool = False
    namespaced: bool = False
    type_info: TypeInformation | None = None
    stored_type: StoredType | None = None
    clock: TtlClock | None = None
    trims_snapshots: bool = False

    @property
    def meta(self) -> StateMeta:
        """What a snapshot says of the state."""
        if self.type_info is None and self.stored_type is not None:
            form = self.stored_type.meta.value_type
        else:
            form = form_of(self.type_info)
        return StateMeta(self.name, self.kind, self.expires, self.namespaced, value_type=form)

    @staticmethod
    def of(descriptor: StateDescriptor, now_ms: Callable[[], int]) -> Registration:
        """Return that of a new state.

        :raises MillstreamError: it is no descriptor of keyed state.
        """
        made = Registration(
            descriptor.get_name() if isinstance(descriptor, StateDescriptor) else "", kind_of(descriptor)
        )
        made.expires = descriptor.get_ttl_config() is not None
        made.declare(descriptor, now_ms)
        return made

    def check(self, descriptor: StateDescriptor) -> None:
        """See whether the state may be asked for with this descriptor.

        :raises StateMismatchError: it is another state.
        """
        check_same_state(self.name, self.kind, self.type_info, self.expires, descriptor)

    def declare(self, descriptor: StateDescriptor, now_ms: Callable[[], int]) -> None:
        """Take over what a descriptor says."""
        self.type_info = self.type_info or descriptor.type_info
        config = descriptor.get_ttl_config()
        if config is not None and self.clock is None:
            self.clock = TtlClock(config, now_ms)
            self.trims_snapshots = config.get_cleanup_strategies().in_full_snapshot()

    def converter_of_entries(self, convert: Convert) -> Callable[[Any], Any]:
        """Return what converts what is stored in one entry: a value, a list's element, a map's value.

        :param convert: converts values as they were declared.
        """

        def one(value: Any) -> Any:
            if self.kind == "list":
                return convert([value])[0]
            if self.kind == "map":
                return convert({None: value})[None]
            return convert(value)

        return (lambda pair: (one(pair[0]), pair[1])) if self.expires else one
