"""Rolling reduce per key: each record is combined with what its key had so far, and the result goes out.

In a batch job only each key's last result goes out, when the input has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from millstream.common.graph.operator_spec import ReduceSpec
from millstream.common.records import RecordBatch
from millstream.taskmanager.operators.batch_sizer import MAX_BATCH_RECORDS
from millstream.taskmanager.operators.detached import IMMUTABLE, detached
from millstream.taskmanager.operators.generated import GeneratedFunction, Line, record_at
from millstream.taskmanager.operators.inlining import inline_expression
from millstream.taskmanager.operators.key_selection import failed_record, keys_of
from millstream.taskmanager.operators.loaded_values import LoadedValues
from millstream.taskmanager.operators.operator import NO_RECORD, FailureSite, Operator, OperatorContext, OperatorInfo
from millstream.taskmanager.operators.output_conversion import OutputConversion
from millstream.taskmanager.operators.process_loop import CurrentKey
from millstream.taskmanager.operators.user_function import UserFunction, gets_runtime_context
from millstream.taskmanager.state.keyed_state_backend import NO_KEY

__all__ = ["ReduceOperator", "compile_reduce"]

_KEY = "key_by"
_HASH = "hash"
_REDUCE = "reduce"
_TABLE = " reduced"  # no name of a user's state begins with a blank


def compile_reduce(
    key_of: Callable[[Any], Any],
    combine: Callable[[Any, Any], Any],
    *,
    inline: bool,
    emit: bool = True,
    detach: bool = False,
    current: CurrentKey | None = None,
) -> tuple[GeneratedFunction, GeneratedFunction]:
    """Return the loops ``(values, state) -> list`` and ``(values, state, keys) -> list``.

    :param emit: the list is of each step's result; else it is empty.
    :param detach: the function may change a record in place and return it: what has been emitted stays as it was.
    :param current: is told the key before the function is called.
    """
    key_inline = inline_expression(key_of, 1) if inline else None
    combine_inline = inline_expression(combine, 2) if inline else None
    namespace: dict[str, Any] = {"key_of": key_of, "combine": combine, "IMMUTABLE": IMMUTABLE, "detached": detached}
    for expression in (key_inline, combine_inline):
        if expression is not None:
            namespace.update(expression.constants)
    key = key_inline.render("value") if key_inline else "key_of(value)"
    combined = combine_inline.render("old", "value") if combine_inline else "combine(old, value)"

    # An expression that stands in the loop makes a new result.
    detach = detach and emit and combine_inline is None
    namespace["current"] = current
    tell = [] if current is None else [Line("        current.key = key")]

    def body(indent: str) -> list[Line]:
        if detach:
            return [
                Line(f"{indent}try:"),
                Line(f"{indent}    old = state[key]", _HASH),
                Line(f"{indent}except KeyError:"),
                Line(f"{indent}    state[key] = value if type(value) in IMMUTABLE else detached(value)", _HASH),
                Line(f"{indent}    append(value)"),
                Line(f"{indent}else:"),
                Line(f"{indent}    state[key] = result = combine(old, value)", _REDUCE),
                Line(f"{indent}    if (result is old or result is value) and type(result) not in IMMUTABLE:"),
                Line(f"{indent}        result = detached(result)"),
                Line(f"{indent}    append(result)"),
            ]
        # A try that succeeds costs nothing, and nearly every record's key has been seen before.
        return [
            Line(f"{indent}try:"),
            Line(f"{indent}    old = state[key]", _HASH),
            Line(f"{indent}except KeyError:"),
            Line(f"{indent}    pass"),
            Line(f"{indent}else:"),
            Line(f"{indent}    value = {combined}", _REDUCE),
            Line(f"{indent}state[key] = value", _HASH),
            *([Line(f"{indent}append(value)")] if emit else []),
        ]

    head = [Line("    it = iter(values)"), Line("    out = []"), Line("    append = out.append")]
    alone = [
        Line("def generated(values, state, key_of=key_of, combine=combine):"),
        *head,
        Line("    for value in it:"),
        Line(f"        key = {key}", _KEY),
        *tell,
        *body("        "),
        Line("    return out"),
    ]
    with_keys = [
        Line("def generated(values, state, keys, combine=combine):"),
        *head,
        Line("    for key, value in zip(keys, it):"),
        *tell,
        *body("        "),
        Line("    return out"),
    ]
    return GeneratedFunction("reduce", alone, namespace), GeneratedFunction("reduce", with_keys, namespace)


class ReduceOperator(Operator):
    """Keeps one value per key. The first record of a key goes out as it is."""

    def __init__(self, spec: ReduceSpec, context: OperatorContext, phase: str = _REDUCE) -> None:
        self.infos = (context.info,)
        self._info = context.info
        self._phase = phase
        self._key = UserFunction(spec.key_selector, "get_key", context, _KEY)
        self._function = UserFunction(spec.function, "reduce", context, phase)
        self._backend = context.state.keyed()
        self._function.runtime_context.use_backend(self._backend)
        self._values = LoadedValues(self._backend, _TABLE)
        self._state = self._values.by_key
        self._emit_final_only = spec.emit_final_only
        self._conversion = None if spec.output_type is None else OutputConversion(spec.output_type)
        self._alone, self._with_keys = compile_reduce(
            self._key.call,
            self._function.call,
            inline=context.inline,
            emit=not spec.emit_final_only,
            detach=phase == _REDUCE,
            current=self._backend if gets_runtime_context(spec.function, "reduce") else None,
        )
        self._records_out = 0

    def open(self) -> None:
        self._key.open()
        self._function.open()

    def close(self) -> None:
        self._backend.key = NO_KEY
        try:
            self._function.close()
        finally:
            self._key.close()

    def functions(self) -> Iterable[UserFunction]:
        return (self._function,)

    def process_batch(self, batch: RecordBatch) -> Iterable[RecordBatch]:
        if not self._values.in_memory:
            out = self._reduce_fetched(batch)
        elif batch.keys is None:
            out = self._alone.call(batch.values, self._state)
        else:
            out = self._with_keys.call(batch.values, self._state, batch.keys)
        if self._emit_final_only:
            return ()
        self._records_out += len(out)
        if self._conversion is not None:
            out = self._conversion.convert(out, batch.values)
        return (RecordBatch(out, batch.timestamps),)

    def _reduce_fetched(self, batch: RecordBatch) -> list[Any]:
        keys = keys_of(self._key.call, batch.values) if batch.keys is None else batch.keys
        distinct = dict.fromkeys(keys)
        self._values.fetch(distinct)
        out: list[Any] = self._with_keys.call(batch.values, self._state, keys)
        self._values.keep(distinct)
        return out

    def finish(self) -> Iterable[RecordBatch]:
        return self._final_results() if self._emit_final_only else ()

    def _final_results(self) -> Iterator[RecordBatch]:
        for piece in self._values.pieces():
            results = iter(piece.values())
            while values := list(islice(results, MAX_BATCH_RECORDS)):
                self._records_out += len(values)
                yield RecordBatch(values if self._conversion is None else self._conversion.convert(values, []))
        self._values.clear()

    def locate(self, error: BaseException, phase: str | None) -> FailureSite:
        if phase is not None:
            return FailureSite(self._info, phase)
        failed = self._alone.failed_line(error) or self._with_keys.failed_line(error)
        if failed is None:
            unkeyed = failed_record(error)
            if unkeyed is not NO_RECORD:
                return FailureSite(self._info, _KEY, unkeyed, partial(self._key.call, unkeyed))
            refused = NO_RECORD if self._conversion is None else self._conversion.refused(error)
            return FailureSite(self._info, self._phase, refused)
        found = failed.variables
        record = record_at(found.get("values"), found.get("it"))
        replay = None
        if failed.direct and record is not NO_RECORD:
            if failed.tag == _REDUCE:
                replay = partial(self._function.call, found["old"], record)
            elif failed.tag == _KEY:
                replay = partial(self._key.call, record)
        return FailureSite(self._info, self._phase if failed.tag == _REDUCE else _KEY, record, replay)

    def records_out(self) -> Iterable[tuple[OperatorInfo, int]]:
        yield self._info, self._records_out
