"""A stream whose records are given names of outputs, each of which is a stream again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from millstream.common.graph.operator_spec import ProcessSpec
from millstream.datastream.call_site import call_site
from millstream.datastream.data_stream import DataStream
from millstream.datastream.functions import OutputSelector, ProcessFunction
from millstream.datastream.functions_check import check_function
from millstream.datastream.output_tag import OutputTag

if TYPE_CHECKING:
    from millstream.datastream.functions import RuntimeContext

__all__ = ["SplitStream"]


class SplitStream(DataStream):
    """The stream that was split; :meth:`select` gives parts of it.

    Flink has dropped ``split`` in favour of side outputs, which it is made of here: one operator names each record's
    outputs once, and each ``select`` is a side output of it.
    """

    def __init__(self, stream: DataStream, output_selector: OutputSelector | Callable[[Any], Iterable[str]]) -> None:
        """:param output_selector: gives the names of the outputs that a record goes to: an iterable, or one text."""
        check_function(output_selector, OutputSelector, "split")
        super().__init__(stream._environment, stream._transformation)
        self._splitter = _Splitter(output_selector)
        self._named: DataStream | None = None

    def select(self, *output_names: str) -> DataStream:
        """The records that have at least one of these names, each once."""
        for name in output_names:
            if not isinstance(name, str):
                raise TypeError(f"{call_site()}: select() takes names of outputs, not {name!r}")
        if not output_names:
            raise ValueError(f"{call_site()}: select() needs the name of an output at least")
        if self._named is None:
            self._named = DataStream(self._environment, self._transformation)._operator(
                "process", "Split", ProcessSpec(self._splitter), None
            )
            self._like_input(self._named)
        return self._named.get_side_output(self._splitter.selection(output_names, self._transformation.output_type))


class _Splitter(ProcessFunction):
    """Puts each record out once for each selection that has one of the record's names.

    The selections are added while the program is written; the job takes the function as it is then.
    """

    def __init__(self, output_selector: OutputSelector | Callable[[Any], Iterable[str]]) -> None:
        self._selector = output_selector
        self._names: Callable[[Any], Iterable[str] | None] = (
            output_selector.select if isinstance(output_selector, OutputSelector) else output_selector
        )
        self._selections: dict[str, list[OutputTag]] = {}

    def selection(self, names: tuple[str, ...], type_info: Any) -> OutputTag:
        wanted = sorted(set(names))
        tag = OutputTag(f"split {wanted}", type_info)
        for name in wanted:
            tags = self._selections.setdefault(name, [])
            if tag not in tags:
                tags.append(tag)
        return tag

    def open(self, runtime_context: RuntimeContext) -> None:
        if isinstance(self._selector, OutputSelector):
            self._selector.open(runtime_context)

    def close(self) -> None:
        if isinstance(self._selector, OutputSelector):
            self._selector.close()

    def process_element(self, value: Any, ctx: ProcessFunction.Context) -> Iterator[tuple[OutputTag, Any]]:
        names = self._names(value)
        if names is None:
            return
        selections = self._selections
        if isinstance(names, str):
            names = (names,)
        tags = {tag: None for name in names for tag in selections.get(name, ())}
        for tag in tags:
            yield tag, value
