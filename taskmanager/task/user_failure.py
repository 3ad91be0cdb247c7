"""From an exception to a :class:`~millstream.common.failure.FailureInfo` that shows the user's line and record."""

from __future__ import annotations

import functools
import linecache
import os
import reprlib
import site
import sys
import sysconfig
import traceback
from types import TracebackType
from typing import Any

import millstream.taskmanager as taskmanager_package
from millstream.common.errors import MillstreamError, StateMismatchError
from millstream.common.failure import ENGINE, NETWORK, STATE, USER_CODE, FailureInfo
from millstream.taskmanager.exchange import ExchangeError
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, TaskInfo
from millstream.taskmanager.user_code import PayloadError

__all__ = ["StateError", "UserCodeError", "build_failure", "describe_failure", "short_repr"]

_RECORD_LENGTH = 200
_MESSAGE_LENGTH = 20_000
_TRACEBACK_LENGTH = 100_000
_SHOWN_REPETITIONS = 3
_ENGINE_PACKAGES = (
    "common",
    "datastream",
    "connectors",
    "taskmanager",
    "jobmanager",
    "dispatcher",
    "client",
    "testing",
)


class UserCodeError(Exception):
    """Something a user wrote raised; the exception itself is the cause.

    :ivar site: which operator, which method, which record.
    :ivar error: what was raised.
    """

    def __init__(self, site: FailureSite, error: BaseException) -> None:
        what = f"{type(error).__qualname__}: {_message(error)}"
        super().__init__(f"{site.phase} of operator {site.info.name!r} failed: {what}")
        self.site = site
        self.error = error


class StateError(MillstreamError):
    """An operator's state could not be written or read, through no fault of the user's.

    :ivar site: which operator.
    """

    def __init__(self, site: FailureSite, message: str) -> None:
        super().__init__(message)
        self.site = site


def short_repr(value: Any) -> str:
    """Return ``repr(value)``, cut to about 200 characters. Never raises, whatever the object's ``__repr__`` does."""
    shortener = reprlib.Repr()
    shortener.maxlevel = 4
    shortener.maxtuple = shortener.maxlist = shortener.maxdict = shortener.maxset = shortener.maxfrozenset = 12
    shortener.maxstring = shortener.maxother = shortener.maxlong = _RECORD_LENGTH - 20
    try:
        text = shortener.repr(value)
    except BaseException as error:  # noqa: BLE001  # a user's __repr__ may raise anything; the failure itself matters
        return f"<{type(value).__qualname__} whose __repr__ raised {type(error).__qualname__}>"
    text = _sendable(" ".join(text.split("\n")))
    return text if len(text) <= _RECORD_LENGTH else text[: _RECORD_LENGTH - 3] + "..."


def build_failure(error: BaseException, task: TaskInfo, timestamp_ms: int) -> FailureInfo:
    """Describe whatever ended a task."""
    if isinstance(error, UserCodeError):
        kind = STATE if isinstance(error.error, StateMismatchError) else USER_CODE
        return describe_failure(kind, error.error, task, timestamp_ms, error.site)
    if isinstance(error, StateError):
        kind = STATE if isinstance(error.__cause__, StateMismatchError) else ENGINE
        return describe_failure(kind, error, task, timestamp_ms, error.site)
    if isinstance(error, PayloadError):
        return describe_failure(USER_CODE, error, task, timestamp_ms)
    return describe_failure(NETWORK if isinstance(error, ExchangeError) else ENGINE, error, task, timestamp_ms)


def describe_failure(
    kind: str, error: BaseException, task: TaskInfo, timestamp_ms: int, site: FailureSite | None = None
) -> FailureInfo:
    """Return the failure's description."""
    if site is not None and site.replay is not None:
        error = _replayed(site, error)
    user_frame = _innermost_user_frame(error)
    failure = FailureInfo(
        kind=kind,
        exception_type=_type_name(error),
        message=_message(error),
        subtask_index=task.subtask_index,
        parallelism=task.parallelism,
        attempt_number=task.attempt_number,
        user_traceback=_sendable(_cut(_folded(error), _TRACEBACK_LENGTH)),
        full_traceback=_sendable(_cut(_full(error), _TRACEBACK_LENGTH)),
        task_manager=task.task_manager,
        timestamp_ms=timestamp_ms,
        task_name=f"{task.task_name} ({task.subtask_index + 1}/{task.parallelism})",
        vertex_id=task.vertex_id,
    )
    if site is not None:
        failure.operator_name = site.info.name
        failure.operator_id = site.info.operator_id
        failure.phase = site.phase
        if site.record is not NO_RECORD:
            failure.record = short_repr(site.record)
    if user_frame is not None:
        failure.user_file, failure.user_line = user_frame
    return failure


def _replayed(site: FailureSite, error: BaseException) -> BaseException:
    """An expression that stood in generated code failed: call the function it came from, for its own traceback."""
    try:
        site.replay()  # type: ignore[misc]  # the caller has looked
    except Exception as again:  # noqa: BLE001  # expected: the same again
        if type(again) is type(error):
            return again
    return error


def _type_name(error: BaseException) -> str:
    kind = type(error)
    own = kind.__module__.startswith("millstream.")  # where in the engine it is defined helps nobody
    if own or kind.__module__ in ("builtins", "__main__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException as failed:  # noqa: BLE001  # a user's __str__
        return f"<its message cannot be shown: __str__ raised {type(failed).__qualname__}>"
    return _sendable(_cut(text, _MESSAGE_LENGTH))


def _cut(text: str, length: int) -> str:
    """Leave out the middle of what nobody would read, so that a failure stays small wherever it is kept."""
    if len(text) <= length:
        return text
    half = length // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters ...]\n{text[-half:]}"


def _sendable(text: str) -> str:
    """Escape lone surrogates (undecodable file names have them): no message on the wire can hold them."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


@functools.cache
def _is_engine(filename: str) -> bool:
    if filename.startswith("<millstream "):
        return True
    root = os.path.dirname(os.path.dirname(os.path.realpath(taskmanager_package.__file__)))
    relative = os.path.relpath(os.path.realpath(filename), root).split(os.sep)
    return relative[0] in _ENGINE_PACKAGES and len(relative) > 1


@functools.cache
def _library_roots() -> tuple[str, ...]:
    roots = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    roots.update(site.getsitepackages() if hasattr(site, "getsitepackages") else ())
    return tuple(os.path.realpath(root) + os.sep for root in roots if root)


@functools.cache
def _is_library(filename: str) -> bool:
    if filename.startswith("<frozen "):
        return True
    return os.path.realpath(filename).startswith(_library_roots())


def _innermost_user_frame(error: BaseException) -> tuple[str, int] | None:
    """File and line of the innermost frame of the user's own code; else of the innermost in a library.

    ``None`` when all frames are the engine's: its own lines would only mislead.
    """
    found: tuple[str, int] | None = None
    innermost: tuple[str, int] | None = None
    seen: set[int] = set()
    chained: BaseException | None = error
    while chained is not None and found is None and id(chained) not in seen:
        seen.add(id(chained))
        entry: TracebackType | None = chained.__traceback__
        while entry is not None:
            filename = entry.tb_frame.f_code.co_filename
            here = (filename, entry.tb_lineno)
            if not _is_engine(filename):
                if chained is error and not filename.startswith("<"):
                    innermost = here
                if not _is_library(filename):
                    found = here
            entry = entry.tb_next
        chained = chained.__cause__ or (None if chained.__suppress_context__ else chained.__context__)
    return found or innermost


def _full(error: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(type(error), error, error.__traceback__))
    except Exception as failed:  # noqa: BLE001  # a user's __str__ in the chain
        return f"<the traceback cannot be shown: {type(failed).__qualname__}>\n{_type_name(error)}: {_message(error)}\n"


def _folded(error: BaseException) -> str:
    """The traceback with each run of engine frames as one line."""
    parts: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        parts.append("\n".join(_folded_one(current)))
        if current.__cause__ is not None:
            parts.append("The above exception was the direct cause of the following exception:")
            current = current.__cause__
        elif current.__context__ is not None and not current.__suppress_context__:
            parts.append("During handling of the above exception, another exception occurred:")
            current = current.__context__
        else:
            current = None
    return "\n\n".join(reversed(parts)) + "\n"


def _folded_one(error: BaseException) -> list[str]:
    lines = ["Traceback (most recent call last):"]
    engine = 0
    previous: tuple[str, int | None] | None = None
    repeated = 0
    for frame in traceback.extract_tb(error.__traceback__):
        here = (frame.filename, frame.lineno)
        if here == previous and not _is_engine(frame.filename):
            repeated += 1
            if repeated >= _SHOWN_REPETITIONS:
                continue
        elif repeated >= _SHOWN_REPETITIONS:
            lines.append(_repetition_line(repeated))
        if here != previous:
            previous, repeated = here, 0
        if _is_engine(frame.filename):
            engine += 1
            continue
        if engine:
            lines.append(_engine_line(engine))
            engine = 0
        lines.append(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}')
        source = frame.line or linecache.getline(frame.filename, frame.lineno or 0).strip()
        if source:
            lines.append(f"    {source}")
    if repeated >= _SHOWN_REPETITIONS:
        lines.append(_repetition_line(repeated))
    if engine:
        lines.append(_engine_line(engine))
    message = _message(error)
    lines.append(f"{_type_name(error)}: {message}" if message else _type_name(error))
    notes = getattr(error, "__notes__", None)
    if isinstance(notes, list) and sys.version_info >= (3, 11):
        lines.extend(str(note) for note in notes)
    return lines


def _repetition_line(repeated: int) -> str:
    times = repeated - _SHOWN_REPETITIONS + 1
    return f"  [Previous line repeated {times} more time{'s' if times > 1 else ''}]"


def _engine_line(count: int) -> str:
    return f"  [... {count} engine frame{'s' if count > 1 else ''} ...]"
