"""Turns a block of values into bytes and back: the seam where typed encoders go.

Pickle protocol 5 of the list of values, cloudpickle only for what pickle refuses (say, classes of ``__main__``).

Pickle spends more than half its time remembering each object in case it comes again. That is needed only if an object
that can be changed, or that holds itself, is in the block twice; for values made of nothing but builtin immutable
types it is waste. Two exact tests that cost almost nothing tell: hashing the whole block in one call fails for every
list, dict, set and bytearray anywhere in it, and the pickler asks ``reducer_override`` about every object that is of
none of the builtin types it writes by itself.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Final

import cloudpickle

from millstream.common.errors import MillstreamError

__all__ = ["RecordDeserializationError", "RecordSerializationError", "ValueSerializer", "deserialize_values"]

_IMMUTABLE: Final = frozenset({str, int, float, bytes, bool, tuple, type(None)})
_BLOCKS_UNTIL_RETRY: Final = 64
_LONG_VALUE: Final = 256  # bytes


class RecordSerializationError(MillstreamError):
    """A record cannot be sent to another slot; the message names its type and the mend."""


class RecordDeserializationError(MillstreamError):
    """Records cannot be read back in the slot that they came to."""


class _SharedObjects(Exception):
    """The block holds objects that are not plain immutable values."""


class _PlainPickler(pickle.Pickler):
    """Refuses everything that is not of an exact builtin type; remembers nothing."""

    def reducer_override(self, obj: Any) -> Any:
        raise _SharedObjects


class ValueSerializer:
    """Serialises the blocks of one stream."""

    __slots__ = ("_cloudpickle", "_plain_pause")

    def __init__(self) -> None:
        self._plain_pause = 0  # so many blocks are not tried as plain values
        self._cloudpickle = False  # once pickle has refused a record of the stream, it most likely will again

    def serialize(self, values: list[Any]) -> bytes:
        """Return the bytes of a list of values.

        :raises RecordSerializationError: one of them cannot be pickled.
        """
        if self._plain_pause:
            self._plain_pause -= 1
        elif type(values[0]) in _IMMUTABLE:
            try:
                hash(tuple(values))
                output = io.BytesIO()
                pickler = _PlainPickler(output, 5)
                pickler.fast = True
                pickler.dump(values)
                data = output.getvalue()
                if len(data) > _LONG_VALUE * len(values):
                    self._plain_pause = _BLOCKS_UNTIL_RETRY  # hashing long strings costs more than it saves
                return data
            except Exception:  # noqa: BLE001  # a user's __hash__ may raise anything; the general way decides
                self._plain_pause = _BLOCKS_UNTIL_RETRY
        if not self._cloudpickle:
            try:
                return pickle.dumps(values, 5)
            except Exception:  # noqa: BLE001  # __reduce__ may raise anything; cloudpickle reports what is really wrong
                self._cloudpickle = True
        try:
            pickled: bytes = cloudpickle.dumps(values, 5)
        except Exception as error:
            raise _explain(values, error) from error
        return pickled


def _explain(values: list[Any], error: Exception) -> RecordSerializationError:
    culprit: Any = values[0]
    for value in values:
        try:
            cloudpickle.dumps(value, 5)
        except Exception:  # noqa: BLE001  # finds the first one that fails, whatever it raises
            culprit = value
            break
    cls = type(culprit)
    shown = repr_of(culprit)
    return RecordSerializationError(
        f"A record of type {cls.__module__}.{cls.__qualname__} cannot be sent to another slot: {shown}: "
        f"{type(error).__name__}: {error}. Mend: emit values that pickle can serialise, without open files, locks, "
        "generators or connections in them."
    )


def repr_of(value: object) -> str:
    """Return a short repr, whatever the value's ``__repr__`` does."""
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001  # a user's __repr__ may raise anything
        return f"<{type(value).__qualname__} whose repr raises {type(error).__name__}>"
    return text if len(text) <= 100 else text[:97] + "..."


def deserialize_values(data: bytes | memoryview) -> list[Any]:
    """Return the list of values whose bytes :meth:`ValueSerializer.serialize` gave.

    :raises RecordDeserializationError: their classes cannot be had here, or refuse.
    """
    try:
        values: list[Any] = pickle.loads(data)
    except Exception as error:
        raise RecordDeserializationError(
            f"Records that came from another slot cannot be read: {type(error).__name__}: {error}. Mend: ship the "
            "modules that define the records' classes with the job (env.add_python_file or -pyfs), so that every "
            "worker can import them."
        ) from error
    return values
