"""Pickles what the user wrote, and says what is wrong when that cannot be done.

The pickler's own message ("cannot pickle '_thread.lock' object") does not say where the lock is. So when pickling
fails, the object is walked through (attributes, closure variables, globals a function uses, elements of containers) to
the innermost part that fails by itself.
"""

from __future__ import annotations

import dis
import types
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from millstream.common.errors import InvalidProgramError
from millstream.datastream.call_site import CallSite

if TYPE_CHECKING:
    from millstream.common.graph.edge_type import EdgeType
    from millstream.datastream.graph.stream_graph import StreamEdge
    from millstream.datastream.transformation import OperatorTransformation

__all__ = ["pickle_operator", "pickle_partitioner", "pickle_type"]

_PROTOCOL = 5
_DEEPEST = 12
_MEND = (
    "Make such an object in the function's open() method, which runs on the workers, instead of before the job starts."
)
_MEND_PROGRAM = "Connect streams by their methods (union, key_by, ...) instead."
_PROGRAM_CLASSES = {"DataStream", "KeyedStream", "DataStreamSink", "StreamExecutionEnvironment"}


def pickle_operator(operator: OperatorTransformation) -> bytes:
    """The payload of an operator.

    :raises InvalidProgramError: it holds something that cannot be pickled.
    """
    return _pickle(operator.spec, operator.call_site, f"operator {operator.name!r}")


def pickle_partitioner(edge: StreamEdge) -> bytes:
    """The payload of a HASH or CUSTOM partitioner.

    :raises InvalidProgramError: it holds something that cannot be pickled.
    """
    return _pickle(edge.spec, edge.call_site, f"the partitioning between {edge.source.name!r} and {edge.target.name!r}")


def pickle_type(edge_type: EdgeType) -> bytes:
    """The payload of an edge's type."""
    return _dumps(edge_type)


def _dumps(value: object) -> bytes:
    # Loaded when the first job is built: programs that only define streams do not need it.
    import cloudpickle

    payload: bytes = cloudpickle.dumps(value, protocol=_PROTOCOL)
    return payload


def _pickle(spec: object, call_site: CallSite, owner: str) -> bytes:
    try:
        return _dumps(spec)
    except Exception as error:  # whatever a user's __reduce__ or __getstate__ raises
        path, culprit, reason = _culprit(spec, error)
        where = " -> ".join(path)
        mend = _MEND_PROGRAM if _is_program(culprit) else _MEND
        raise InvalidProgramError(
            f"{call_site}: {owner} cannot be sent to the workers, because {where or 'it'} cannot be pickled: "
            f"{_shown(culprit)} ({type(reason).__name__}: {reason}). {mend}"
        ) from error


def _culprit(root: object, error: BaseException) -> tuple[list[str], object, BaseException]:
    """The way to the innermost part that cannot be pickled by itself, that part, and why it cannot."""
    path: list[str] = []
    current, reason = root, error
    seen = {id(root)}
    while len(path) < _DEEPEST:
        for label, part in _parts(current):
            if id(part) in seen:
                continue
            failure = _failure(part)
            if failure is not None:
                seen.add(id(part))
                path.append(label)
                current, reason = part, failure
                break
        else:
            break
    return path, current, reason


def _failure(part: object) -> BaseException | None:
    try:
        _dumps(part)
    except Exception as error:  # noqa: BLE001  # whatever a user's __reduce__ raises; it is what is asked for
        return error
    return None


def _is_program(whole: object) -> bool:
    kind = type(whole)
    return kind.__module__.startswith("millstream.datastream.") and kind.__name__ in _PROGRAM_CLASSES


def _parts(whole: object) -> Iterator[tuple[str, object]]:
    """What ``whole`` is pickled with, each with a name for it."""
    if _is_program(whole):
        return
    if isinstance(whole, types.FunctionType):
        yield from _function_parts(whole)
    elif isinstance(whole, types.MethodType):
        yield f"{_function_name(whole.__func__)}'s object", whole.__self__
        yield _function_name(whole.__func__), whole.__func__
    elif isinstance(whole, dict):
        for key, value in whole.items():
            yield f"[{_short(key)}]", value
    elif isinstance(whole, (list, tuple, set, frozenset)):
        for index, value in enumerate(whole):
            yield f"[{index}]", value
    elif isinstance(whole, type):
        for name, value in vars(whole).items():
            if name not in ("__dict__", "__weakref__"):
                yield f"attribute {name!r} of class {whole.__name__}", getattr(value, "__func__", value)
    else:
        yield from _object_parts(whole)


def _function_parts(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    name = _function_name(function)
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield f"variable {variable!r} used in {name}", cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for index, value in enumerate(function.__defaults__ or ()):
        yield f"default argument {index + 1} of {name}", value
    for key, value in (function.__kwdefaults__ or {}).items():
        yield f"default of argument {key!r} of {name}", value
    for variable in _globals_used(function.__code__):
        if variable in function.__globals__:
            yield f"global variable {variable!r} used in {name}", function.__globals__[variable]


def _globals_used(code: types.CodeType) -> Iterator[str]:
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield instruction.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals_used(constant)


def _object_parts(whole: object) -> Iterator[tuple[str, object]]:
    kind = type(whole)
    engine = kind.__module__.startswith("millstream.common.graph.")
    attributes = dict(getattr(whole, "__dict__", {}))
    for base in kind.__mro__:
        slots = base.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            if slot not in attributes and hasattr(whole, slot):
                attributes[slot] = getattr(whole, slot)
    for name, value in attributes.items():
        label = f"its {name.replace('_', ' ')}" if engine else f"attribute {name!r} of {kind.__name__}"
        if engine and isinstance(value, (types.FunctionType, types.MethodType)):
            label = _function_name(value)
        yield label, value
    if not engine and kind.__module__ != "builtins":
        yield f"class {kind.__name__}", kind


def _function_name(function: Any) -> str:
    code = function.__code__
    name = "the lambda" if function.__name__ == "<lambda>" else f"function {function.__qualname__}"
    return f"{name} ({code.co_filename}:{code.co_firstlineno})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _shown(value: object) -> str:
    kind = type(value)
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    return f"{_short(value)} of type {name}"
