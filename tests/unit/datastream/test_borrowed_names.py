"""Names that PyFlink's modules hold because they use them: programs import them from there."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("datastream.functions", "ValueState ValueStateDescriptor MapStateDescriptor TimeDomain MetricGroup"),
        ("datastream.window", "Time Types ReduceFunction RuntimeContext ReducingStateDescriptor OutputTag"),
        ("datastream.state", "Duration Time TypeInformation Types"),
        ("datastream.data_stream", "KeyedStream DataStreamSink CloseableIterator WatermarkStrategy Types Row Trigger"),
        ("datastream.stream_execution_environment", "CheckpointingMode JobClient Types RuntimeExecutionMode"),
        ("datastream.connectors.file_system", "Duration Encoder Sink Source SinkFunction"),
        ("common.watermark_strategy", "Duration"),
        ("datastream.output_tag", "RowTypeInfo Types"),
    ],
)
def test_names_are_the_same_wherever_they_are_imported_from(module: str, names: str) -> None:
    borrowing = importlib.import_module(f"millstream.{module}")
    homes = [importlib.import_module(f"millstream.{each}") for each in ("common", "datastream")]
    for name in names.split():
        found = getattr(borrowing, name)
        for home in homes:
            assert getattr(home, name, found) is found


def test_other_names_are_missing_as_usual() -> None:
    functions = importlib.import_module("millstream.datastream.functions")
    with pytest.raises(AttributeError, match=r"'millstream\.datastream\.functions' has no attribute 'MapFunktion'"):
        functions.MapFunktion  # noqa: B018  # looking it up is the test
