"""Pickles single values, also those whose classes cannot be imported.

The classes of a program that is run as a script came to the worker with the job. A pickle of one value holds only the
name of such a class: the class itself in every value would be many times as large as the value, and after a restart the
values are to be of the class that the program has then.
"""

from __future__ import annotations

import io
import pickle
import weakref
from typing import Any

import cloudpickle

from millstream.taskmanager.state.record_classes import find_class

__all__ = ["dump_object", "forget_classes"]

_own_way: set[type] = set()
"""Types of which a value was once not pickled the usual way. Bounded by the classes of a job."""


def dump_object(value: Any) -> bytes:
    """Return the pickle of ``value``, for ``load_state``.

    :raises Exception: it cannot be pickled.
    """
    if type(value) not in _own_way:
        try:
            return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        except Exception:  # noqa: BLE001  # pickle raises many kinds of errors; what cannot be pickled at all fails below
            data = _dump(value)
            _own_way.add(type(value))
            return data
    return _dump(value)


def _dump(value: Any) -> bytes:
    stream = io.BytesIO()
    _Pickler(stream, pickle.HIGHEST_PROTOCOL).dump(value)
    return stream.getvalue()


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # cloudpickle has no types
    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type) and _find(obj.__module__, obj.__qualname__) is obj:
            return _class_of, (obj.__module__, obj.__qualname__)
        return super().reducer_override(obj)


_found: dict[tuple[str, str], weakref.ref[type]] = {}
"""To find a class that cannot be imported is to look at all classes there are."""


def forget_classes() -> None:
    """Look for classes anew: another job in this process may have others of the same names."""
    _found.clear()


def _find(module: str, qualname: str) -> type | None:
    known = _found.get((module, qualname))
    found = None if known is None else known()
    if found is None:
        found = find_class(module, qualname)
        if found is not None:
            _found[module, qualname] = weakref.ref(found)
    return found


def _class_of(module: str, qualname: str) -> type:
    found = _find(module, qualname)
    if found is None:
        raise pickle.UnpicklingError(
            f"state holds an object of the class {module}.{qualname}, which the job does not have; keep the class, or "
            "take a canonical savepoint with the old program to leave the state behind"
        )
    return found
