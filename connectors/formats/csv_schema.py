"""What the columns of a CSV file are, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from millstream.common.typeinfo import RowTypeInfo, TypeInformation, Types

__all__ = ["LINE_END", "CsvColumn", "CsvSchema", "CsvSchemaBuilder"]

LINE_END = "\r\n"
"""What Python's ``csv`` is told that lines end in, so that it quotes fields with either character."""

_NUMBERS = (
    Types.BYTE(),
    Types.SHORT(),
    Types.INT(),
    Types.LONG(),
    Types.BIG_INT(),
    Types.FLOAT(),
    Types.DOUBLE(),
    Types.BIG_DEC(),
)


@dataclass(frozen=True, slots=True)
class CsvColumn:
    """A column.

    :ivar separator: what stands between the elements of an array; ``None``: it is no array.
    """

    name: str
    kind: TypeInformation
    separator: str | None = None


@dataclass(frozen=True, slots=True)
class CsvSchema:
    """Made by :meth:`builder`.

    :ivar use_header: the first line has the names of the columns; a reader takes them in the order that it says.
    :ivar skip_first_data_row: leave out the first line after that.
    :ivar null_value: the text of ``None``; ``None``: an empty field, of texts too.
    """

    columns: tuple[CsvColumn, ...]
    use_header: bool = False
    skip_first_data_row: bool = False
    column_separator: str = ","
    quote_char: str | None = '"'
    escape_char: str | None = None
    line_separator: str = "\n"
    allow_comments: bool = False
    null_value: str | None = None

    @staticmethod
    def builder() -> CsvSchemaBuilder:
        """Start without columns."""
        return CsvSchemaBuilder()

    def row_type(self) -> RowTypeInfo:
        """What the rows are."""
        kinds = [column.kind if column.separator is None else Types.LIST(column.kind) for column in self.columns]
        return Types.ROW_NAMED([column.name for column in self.columns], kinds)

    def format_arguments(self) -> dict[str, Any]:
        """The settings of Python's ``csv``."""
        import csv

        return {
            "delimiter": self.column_separator,
            "quotechar": self.quote_char,
            "quoting": csv.QUOTE_NONE if self.quote_char is None else csv.QUOTE_MINIMAL,
            "escapechar": self.escape_char,
            "doublequote": self.escape_char is None,
            "lineterminator": LINE_END,
        }


class CsvSchemaBuilder:
    """Builds a :class:`CsvSchema`, column by column."""

    def __init__(self) -> None:
        self._schema = CsvSchema(())

    def add_string_column(self, column_name: str) -> CsvSchemaBuilder:
        return self._add(CsvColumn(column_name, Types.STRING()))

    def add_number_column(self, column_name: str, number_type: TypeInformation | None = None) -> CsvSchemaBuilder:
        """Add a column of numbers.

        :param number_type: ``Types.INT()``, ``Types.DOUBLE()``, ``Types.BIG_DEC()`` ...; default: ``Types.DOUBLE()``.
        """
        kind = Types.DOUBLE() if number_type is None else number_type
        if kind not in _NUMBERS:
            raise TypeError(
                f"column {column_name!r}: {number_type!r} is no type of numbers; use Types.INT() or another"
            )
        return self._add(CsvColumn(column_name, kind))

    def add_boolean_column(self, column_name: str) -> CsvSchemaBuilder:
        return self._add(CsvColumn(column_name, Types.BOOLEAN()))

    def add_array_column(
        self, column_name: str, separator: str = ";", element_type: TypeInformation | None = None
    ) -> CsvSchemaBuilder:
        """Add a column of lists.

        :param element_type: default: ``Types.STRING()``.
        """
        if not separator:
            raise ValueError(f"column {column_name!r}: the separator of elements is a text that is not empty")
        return self._add(CsvColumn(column_name, element_type or Types.STRING(), separator))

    def add_columns_from(self, schema: CsvSchema) -> CsvSchemaBuilder:
        for column in schema.columns:
            self._add(column)
        return self

    def set_use_header(self, use_header: bool = True) -> CsvSchemaBuilder:
        return self._set(use_header=use_header)

    def set_skip_first_data_row(self, skip_first_data_row: bool = True) -> CsvSchemaBuilder:
        return self._set(skip_first_data_row=skip_first_data_row)

    def set_allow_comments(self, allow_comments: bool = True) -> CsvSchemaBuilder:
        """Pass over lines that begin with ``#``."""
        return self._set(allow_comments=allow_comments)

    def set_column_separator(self, separator: str) -> CsvSchemaBuilder:
        return self._set(column_separator=_character(separator))

    def set_quote_char(self, quote_char: str) -> CsvSchemaBuilder:
        return self._set(quote_char=_character(quote_char))

    def disable_quote_char(self) -> CsvSchemaBuilder:
        return self._set(quote_char=None)

    def set_escape_char(self, escape_char: str) -> CsvSchemaBuilder:
        return self._set(escape_char=_character(escape_char))

    def set_line_separator(self, separator: str) -> CsvSchemaBuilder:
        r"""What a writer ends lines with; a reader takes ``\n`` and ``\r\n``."""
        if separator not in ("\n", "\r\n"):
            raise ValueError(f"lines end in \\n or \\r\\n, not {separator!r}")
        return self._set(line_separator=separator)

    def set_null_value(self, null_value: str) -> CsvSchemaBuilder:
        return self._set(null_value=null_value)

    def build(self) -> CsvSchema:
        """Build it.

        :raises ValueError: there are no columns.
        """
        if not self._schema.columns:
            raise ValueError("a CsvSchema needs at least one column: add_string_column(...) and so on")
        return self._schema

    def _add(self, column: CsvColumn) -> CsvSchemaBuilder:
        if any(column.name == each.name for each in self._schema.columns):
            raise ValueError(f"there is a column {column.name!r} already")
        return self._set(columns=(*self._schema.columns, column))

    def _set(self, **settings: Any) -> CsvSchemaBuilder:
        self._schema = replace(self._schema, **settings)
        return self


def _character(text: str) -> str:
    if not isinstance(text, str) or len(text) != 1:
        raise ValueError(f"this is a single character, not {text!r}")
    return text
