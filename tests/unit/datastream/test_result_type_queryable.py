"""Functions that say themselves what they produce."""

from __future__ import annotations

from typing import Any

import pytest

from millstream.common import TypeInformation, Types
from millstream.datastream import MapFunction, SourceContext, SourceFunction, StreamExecutionEnvironment
from millstream.datastream.utils import ResultTypeQueryable


class Length(MapFunction, ResultTypeQueryable):
    def map(self, value: Any) -> Any:
        return len(value)

    def get_produced_type(self) -> TypeInformation:
        return Types.INT()


class Words(SourceFunction, ResultTypeQueryable):
    def run(self, ctx: SourceContext) -> None:
        ctx.collect("a")

    def cancel(self) -> None:
        pass

    def get_produced_type(self) -> TypeInformation:
        return Types.STRING()


class Wrong(Length):
    def get_produced_type(self) -> Any:
        return int


def test_the_functions_type_counts_where_the_program_gives_none(env: StreamExecutionEnvironment) -> None:
    stream = env.from_collection(["a"])
    assert stream.map(Length()).get_type() == Types.INT()
    assert stream.map(Length(), Types.LONG()).get_type() == Types.LONG()
    assert stream.key_by(lambda v: v).map(Length()).get_type() == Types.INT()


def test_the_sources_type_counts_where_the_program_gives_none(env: StreamExecutionEnvironment) -> None:
    assert env.add_source(Words()).get_type() == Types.STRING()
    assert env.add_source(Words(), "words", Types.BYTE()).get_type() == Types.BYTE()


def test_what_is_no_type(env: StreamExecutionEnvironment) -> None:
    with pytest.raises(TypeError, match="get_produced_type\\(\\) of Wrong must return a TypeInformation") as caught:
        env.from_collection(["a"]).map(Wrong())
    assert str(caught.value).startswith(f"{__file__}:")
