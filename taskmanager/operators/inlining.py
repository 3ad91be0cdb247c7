"""Simple user functions as expressions.

Calling a Python function costs several times what a body like ``x * 2 + 1`` or ``(a[0], a[1] + b[1])`` does. Where a
function is nothing but an expression over its arguments and constants, its bytecode is turned back into that
expression, which then stands in the generated loop of the operator. Anything else (a call, a global, a branch, an
assignment, bytecode that is not known here) is left alone and called.

The expression is built by running the bytecode symbolically. Every value is used exactly once and in the order in
which it was computed, so evaluation order is the function's own.
"""

from __future__ import annotations

import dis
import inspect
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

__all__ = ["InlineExpression", "inline_expression"]

_MAX_INSTRUCTIONS = 64
_names = itertools.count(1)


@dataclass(frozen=True, slots=True)
class InlineExpression:
    """A function's body.

    :ivar template: the expression, with ``{0}``, ``{1}`` in the places of the arguments.
    :ivar constants: what the names in it stand for.
    """

    template: str
    constants: Mapping[str, Any]

    def render(self, *arguments: str) -> str:
        """Return the expression for these argument expressions, which must be plain names."""
        return self.template.format(*arguments)


def inline_expression(function: Callable[..., Any], arguments: int) -> InlineExpression | None:
    """Return ``function``'s body as an expression over ``arguments`` arguments; ``None`` if it is not that simple."""
    if not isinstance(function, FunctionType) or sys.implementation.name != "cpython":
        return None
    if function.__kwdefaults__ or sys.gettrace() is not None or sys.getprofile() is not None:
        return None  # who traces wants to see the calls
    code = function.__code__
    plain = code.co_flags & ~(inspect.CO_OPTIMIZED | inspect.CO_NEWLOCALS | inspect.CO_NESTED | inspect.CO_NOFREE)
    if plain & 0xFF or code.co_argcount != arguments or code.co_kwonlyargcount or code.co_freevars or code.co_cellvars:
        return None
    try:
        return _Symbolic(code).run()
    except _NotSimpleError:
        return None


class _NotSimpleError(Exception):
    pass


class _Symbolic:
    """Runs straight-line bytecode on expression texts."""

    def __init__(self, code: CodeType) -> None:
        self._code = code
        self._stack: list[str] = []
        self._constants: dict[str, Any] = {}
        self._to_bool = False
        self._arguments = {name: f"{{{index}}}" for index, name in enumerate(code.co_varnames[: code.co_argcount])}

    def run(self) -> InlineExpression:
        if len(self._code.co_code) > 2 * _MAX_INSTRUCTIONS * 4:
            raise _NotSimpleError
        for count, instruction in enumerate(dis.get_instructions(self._code)):
            if count > _MAX_INSTRUCTIONS:
                raise _NotSimpleError
            name = instruction.opname
            if name in ("RETURN_VALUE", "RETURN_CONST"):
                if name == "RETURN_CONST":
                    self._constant(instruction.argval)
                if len(self._stack) != 1:
                    raise _NotSimpleError
                return InlineExpression(self._stack[0], self._constants)
            self._step(name, instruction)
        raise _NotSimpleError

    def _step(self, name: str, instruction: dis.Instruction) -> None:
        argument = instruction.argval
        if self._to_bool and name != "UNARY_NOT":
            raise _NotSimpleError
        self._to_bool = name == "TO_BOOL"  # Python 3.13 and later prepare for `not` so; `not` alone says the same
        if self._to_bool:
            return
        if name in ("RESUME", "NOP", "CACHE", "PRECALL", "NOT_TAKEN"):
            return
        if name in ("LOAD_FAST", "LOAD_FAST_BORROW"):
            self._argument(argument)
        elif name in ("LOAD_FAST_LOAD_FAST", "LOAD_FAST_BORROW_LOAD_FAST_BORROW"):
            for each in argument:
                self._argument(each)
        elif name in ("LOAD_CONST", "LOAD_SMALL_INT"):
            self._constant(argument)
        elif name == "BINARY_OP":
            operator = instruction.argrepr
            if operator == "[]":
                self._subscript()
            else:
                self._binary(operator)
        elif name in _BINARY_3_10:
            self._binary(_BINARY_3_10[name])
        elif name == "BINARY_SUBSCR":
            self._subscript()
        elif name == "COMPARE_OP":
            if "bool" in instruction.argrepr:
                self._binary(instruction.argrepr[5:-1])
            else:
                self._binary(str(argument))
        elif name in ("IS_OP", "CONTAINS_OP"):
            word = "is" if name == "IS_OP" else "in"
            negated = {"is": "is not", "in": "not in"}[word]
            self._binary(negated if instruction.arg else word)
        elif name in _UNARY:
            self._stack.append(f"({_UNARY[name]}{self._take(1)[0]})")
        elif name in ("BUILD_TUPLE", "BUILD_LIST"):
            parts = self._take(int(instruction.arg or 0))
            if name == "BUILD_LIST":
                self._stack.append(f"[{', '.join(parts)}]")
            else:
                self._stack.append(f"({', '.join(parts)}{',' if len(parts) == 1 else ''})")
        else:
            raise _NotSimpleError

    def _argument(self, name: str) -> None:
        if name not in self._arguments:
            raise _NotSimpleError
        self._stack.append(self._arguments[name])

    def _constant(self, value: Any) -> None:
        if value is None or isinstance(value, bool) or (type(value) is int and 0 <= value < 2**63):
            self._stack.append(repr(value))
            return
        name = f"_constant_{next(_names)}"
        self._constants[name] = value
        self._stack.append(name)

    def _take(self, count: int) -> Sequence[str]:
        if count > len(self._stack):
            raise _NotSimpleError
        taken = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return taken

    def _binary(self, operator: str) -> None:
        if operator not in _OPERATORS:
            raise _NotSimpleError  # in-place ones may change their operand
        left, right = self._take(2)
        self._stack.append(f"({left} {operator} {right})")

    def _subscript(self) -> None:
        left, right = self._take(2)
        self._stack.append(f"{left}[{right}]" if left.startswith(("{", "_")) else f"({left})[{right}]")


_ARITHMETIC = ("+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^")
_COMPARISONS = ("<", "<=", "==", "!=", ">", ">=", "is", "is not", "in", "not in")
_OPERATORS = frozenset((*_ARITHMETIC, *_COMPARISONS))
_UNARY = {"UNARY_NEGATIVE": "-", "UNARY_NOT": "not ", "UNARY_INVERT": "~"}
_BINARY_3_10 = {
    "BINARY_ADD": "+",
    "BINARY_SUBTRACT": "-",
    "BINARY_MULTIPLY": "*",
    "BINARY_TRUE_DIVIDE": "/",
    "BINARY_FLOOR_DIVIDE": "//",
    "BINARY_MODULO": "%",
    "BINARY_POWER": "**",
    "BINARY_MATRIX_MULTIPLY": "@",
    "BINARY_LSHIFT": "<<",
    "BINARY_RSHIFT": ">>",
    "BINARY_AND": "&",
    "BINARY_OR": "|",
    "BINARY_XOR": "^",
}
