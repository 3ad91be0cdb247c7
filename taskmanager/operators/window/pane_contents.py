"""What a window operator keeps of the elements of a key and window."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType
from typing import TYPE_CHECKING, Any

from millstream.common.graph.operator_spec import WindowSpec
from millstream.datastream.window.timestamped_value import TimestampedValue
from millstream.taskmanager.operators.aggregate import RollingAggregate
from millstream.taskmanager.operators.detached import IMMUTABLE, detached
from millstream.taskmanager.operators.operator import OperatorContext
from millstream.taskmanager.operators.user_function import UserFunction
from millstream.taskmanager.operators.window.window_layout import INCREMENTAL, contents_descriptor

if TYPE_CHECKING:
    from millstream.datastream.window.evictor import Evictor
    from millstream.taskmanager.state.keyed_state_backend import KeyedStateBackend, NamespaceHolder

__all__ = ["PaneContents"]

_AGGREGATE_METHODS = ("create_accumulator", "add", "get_result", "merge")


class PaneContents:
    """The elements, or what a reduce or aggregate function made of them, of the current key and namespace.

    With an evictor all elements are kept, and the function is applied to what is left of them when the window fires.

    :ivar function: the incremental function, to be opened and closed.
    :ivar add: ``(value, timestamp) -> None``: put an element in.
    :ivar kind: what is kept: ``list``, ``reduce``, ``aggregate`` or ``evictor``.
    :ivar adding: the method of the function that :attr:`add` calls, for messages.
    """

    __slots__ = (
        "_aggregate",
        "_backend",
        "_codes",
        "_descriptor",
        "_evictor",
        "_evictor_context",
        "_left",
        "_reduce",
        "_state",
        "add",
        "adding",
        "function",
        "kind",
    )

    def __init__(
        self,
        spec: WindowSpec,
        context: OperatorContext,
        backend: KeyedStateBackend,
        namespace: NamespaceHolder,
        evictor_context: Evictor.EvictorContext,
    ) -> None:
        self._backend = backend
        self._evictor = spec.evictor
        self._evictor_context = evictor_context
        self._left: list[TimestampedValue] = []
        self._reduce: Callable[[Any, Any], Any] | None = None
        self._aggregate: Any = None
        self.function: UserFunction | None = None
        target = spec.function if spec.evictor is None else spec.incremental
        self.adding = "add"
        if target is not None and callable(getattr(target, "create_accumulator", None)):
            self.function = UserFunction(target, "add", context, state_name=INCREMENTAL)
            self._aggregate = target
        elif target is not None:
            self.adding = target.kind if isinstance(target, RollingAggregate) else "reduce"
            self.function = UserFunction(target, "reduce", context, self.adding, state_name=INCREMENTAL)
            self._reduce = self.function.call
        self._codes = self._methods_by_code()
        self.kind = "list"
        if self._evictor is not None:
            self.kind = "evictor"
        elif self.function is not None:
            self.kind = "aggregate" if self._reduce is None else "reduce"
        self._descriptor = contents_descriptor(self.kind, self._reduce or self._aggregate)
        self._state: Any = backend.get_state(self._descriptor, namespace)
        self.add: Callable[[Any, int | None], None] = self._adder()

    def _adder(self) -> Callable[[Any, int | None], None]:
        add, get = self._state.add, self._state.get

        def add_timestamped(value: Any, timestamp: int | None) -> None:
            add((value, timestamp))

        def add_reduced(value: Any, timestamp: int | None) -> None:  # noqa: ARG001  # has no place in what is kept
            # The first element is what is reduced into, maybe in place; others may hold it too.
            add(value if type(value) in IMMUTABLE or get() is not None else detached(value))

        def add_value(value: Any, timestamp: int | None) -> None:  # noqa: ARG001  # as above
            add(value)

        if self._evictor is not None:
            return add_timestamped
        return add_value if self._reduce is None else add_reduced

    # -- when the window fires --------------------------------------------------------------------------------------

    def get(self, window: Any) -> list[Any] | None:
        """What the window function is given; ``None``: there is nothing, and the window does not fire."""
        if self._evictor is not None:
            return self._get_after_eviction(window)
        contents = self._state.get()
        if self.function is None:
            return list(contents) or None
        return None if contents is None else [contents]

    def _get_after_eviction(self, window: Any) -> list[Any] | None:
        self._left = left = [TimestampedValue(*each) for each in self._state.get()]
        if not left:
            return None
        self._evictor.evict_before(left, len(left), window, self._evictor_context)
        values = [each.value for each in left]
        if self.function is None:
            return values
        if not values:
            self._state.clear()
            return None
        if self._reduce is not None:
            result = values[0] if type(values[0]) in IMMUTABLE else detached(values[0])
            for value in values[1:]:
                result = self._reduce(result, value)
            return [result]
        accumulator = self._aggregate.create_accumulator()
        for value in values:
            accumulator = self._aggregate.add(value, accumulator)
        return [self._aggregate.get_result(accumulator)]

    def evict_after(self, window: Any) -> None:
        """The window has been evaluated."""
        if self._evictor is None:
            return
        left, self._left = self._left, []
        self._evictor.evict_after(left, len(left), window, self._evictor_context)
        self._state.update([(each.value, each.timestamp) for each in left])

    def detached(self, inputs: list[Any]) -> list[Any]:
        """What goes out though the contents stay, and are changed in place maybe."""
        if self.function is None or self._evictor is not None:
            return inputs
        return [value if type(value) in IMMUTABLE else detached(value) for value in inputs]

    # -- state ------------------------------------------------------------------------------------------------------

    def clear(self) -> None:
        """Drop everything."""
        self._state.clear()

    def merge(self, target: Any, sources: Iterable[Any]) -> None:
        """Add what other namespaces of the key hold to what ``target`` does."""
        self._backend.merge_namespaces(self._descriptor, target, sources)

    # -- failures ---------------------------------------------------------------------------------------------------

    def exact_phase(self, error: BaseException, phase: str) -> str:
        """The method of the incremental function or the evictor that ``error`` came from; if none, ``phase``."""
        entry = error.__traceback__
        while entry is not None:
            found = self._codes.get(entry.tb_frame.f_code)
            if found is not None:
                return found
            entry = entry.tb_next
        return phase

    def _methods_by_code(self) -> dict[CodeType, str]:
        methods = [(getattr(self._evictor, name, None), name) for name in ("evict_before", "evict_after")]
        methods += [(getattr(self._aggregate, name, None), name) for name in _AGGREGATE_METHODS]
        methods.append((self._reduce, self.adding))
        codes = ((getattr(method, "__code__", None), name) for method, name in methods)
        return {code: name for code, name in codes if isinstance(code, CodeType)}
