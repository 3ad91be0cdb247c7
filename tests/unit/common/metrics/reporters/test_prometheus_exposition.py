"""What Prometheus is told is what Flink would tell it, and always well-formed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from millstream.common.metrics import MetricGroup
from millstream.common.metrics.reported_metric import ReportedMetric, ReportedValue
from millstream.common.metrics.reporters.prometheus_exposition import filtered, registry_of, unfiltered
from millstream.common.wire.metrics_pb2 import HistogramValue, MeterValue
from tests.unit.common.metrics.reporters.exposition_grammar import read_exposition
from tests.unit.common.metrics.samples import OPERATOR, TASK, one_of_each, reported


def exposed(metrics: list[ReportedMetric], *, is_filtered: bool = True) -> str:
    return generate_latest(registry_of(metrics, filtered if is_filtered else unfiltered)).decode()


def test_each_kind_is_told_as_flink_tells_it() -> None:
    families = read_exposition(exposed(list(reported(one_of_each(), TASK))))
    prefix = "flink_taskmanager_job_task_"
    labels = (
        ("host", "127_0_0_1"),
        ("job_id", "0b1f"),
        ("job_name", "Demo_Job"),
        ("subtask_index", "0"),
        ("task_attempt_id", "de38_f362_0_0"),
        ("task_attempt_num", "0"),
        ("task_id", "f362"),
        ("task_name", "Source:_Demo____Map"),
        ("tm_id", "127_0_0_1:44315_239bff"),
    )
    values = {}
    for name, family in families.items():
        if family.type == "gauge":
            ((key, value),) = family.samples.items()
            assert key == (name, labels)
            values[name.removeprefix(prefix)] = value
    assert math.isnan(values.pop("unknown"))
    assert values == {
        "count": 7, "whole": 42, "negative": -1.5, "truth": 1, "text": 0, "endless": math.inf, "rate": 10,
    }  # fmt: skip
    assert families[f"{prefix}count"].help == "count (scope: taskmanager_job_task)"
    latency = families[f"{prefix}source_id_latency"]
    assert (latency.type, latency.help) == ("summary", "latency (scope: taskmanager_job_task_source_id)")
    quantiles = {dict(key[1])["quantile"]: value for key, value in latency.samples.items() if "_count" not in key[0]}
    assert quantiles == pytest.approx({"0.5": 50, "0.75": 75, "0.95": 95, "0.98": 98, "0.99": 99, "0.999": 99})
    assert [value for key, value in latency.samples.items() if key[0].endswith("_count")] == [99]
    assert all(dict(key[1])["source_id"] == "abc" for key in latency.samples)
    assert not [key for key in latency.samples if key[0].endswith("_sum")]


def test_values_of_labels_stay_as_they_are_where_that_is_set() -> None:
    text = exposed(list(reported(one_of_each(), OPERATOR)), is_filtered=False)
    (sample,) = read_exposition(text)["flink_taskmanager_job_task_operator_count"].samples
    assert dict(sample[1])["task_name"] == "Source: Demo -> Map"


def test_names_that_only_differ_in_odd_characters_share_a_family() -> None:
    group = MetricGroup()
    group.counter("a-b").inc(1)
    group.counter("a.b").inc(2)
    group.histogram("a b")
    ((name, family),) = read_exposition(exposed(list(reported(group)))).items()
    assert name == "flink_taskmanager_a_b"
    assert list(family.samples.values()) == [2]


def test_a_summary_does_not_take_the_name_of_a_gauge() -> None:
    group = MetricGroup()
    group.counter("latency_count").inc(5)
    group.histogram("latency").update(1)
    assert list(read_exposition(exposed(list(reported(group))))) == ["flink_taskmanager_latency_count"]


def test_a_label_called_quantile_does_not_hide_the_quantiles() -> None:
    group = MetricGroup()
    group.add_group("quantile", "mine").histogram("latency").update(1)
    (family,) = read_exposition(exposed(list(reported(group)))).values()
    assert len(family.samples) == 7
    assert all(dict(key[1])["quantile_"] == "mine" for key in family.samples)


texts = st.one_of(
    st.text(max_size=12), st.sampled_from(['"', "\\", "\n", "\\n", "a b", "0", "é", "\r", "quantile", "{}"])
)
floats = st.floats(allow_nan=True, allow_infinity=True)
counts = st.integers(-(2**63), 2**63 - 1)
histograms = st.builds(HistogramValue, count=st.integers(0, 2**40), minimum=floats, p50=floats, p999=floats)
meters = st.builds(MeterValue, rate=floats, count=counts)
values: st.SearchStrategy[ReportedValue] = st.one_of(floats, counts, st.booleans(), texts, histograms, meters)


@st.composite
def metrics(draw: st.DrawFn) -> ReportedMetric:
    value = draw(values)
    scope = ("taskmanager", *draw(st.lists(texts, max_size=2)))
    name = draw(st.one_of(texts, st.sampled_from(["a", "a_count", "a.count"])))
    labels = draw(st.dictionaries(texts, texts, max_size=3))
    return ReportedMetric(scope, name, (*scope, name), labels, "gauge", value)


@given(st.lists(metrics(), max_size=12), st.booleans())
def test_whatever_metrics_are_called_the_text_is_well_formed(given: list[ReportedMetric], is_filtered: bool) -> None:
    text = exposed(given, is_filtered=is_filtered)
    families = read_exposition(text)
    assert all(family.samples for family in families.values())
    parsed = {family.name: family for family in text_string_to_metric_families(text)}
    assert {name: family.type for name, family in parsed.items()} == {n: f.type for n, f in families.items()}
    for name, family in families.items():
        theirs = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in parsed[name].samples}
        assert set(theirs) == set(family.samples)
        for key, value in family.samples.items():
            assert value == theirs[key] or (math.isnan(value) and math.isnan(theirs[key]))


@pytest.mark.parametrize(
    "broken",
    [
        "# HELP a x\n# TYPE a gauge\na 1\n# HELP a x\n",
        "# HELP a x\n# TYPE a gauge\na 1\na 1\n",
        "# HELP a x\n# TYPE a gauge\nb 1\n",
        '# HELP a x\n# TYPE a gauge\na{l="x"y"} 1\n',
        "# HELP a x\n# TYPE a gauge\na one\n",
        "# HELP a x\n# TYPE a gauge\na 1",
    ],
)
def test_the_grammar_is_strict(broken: str) -> None:
    with pytest.raises(ValueError, match="line"):
        read_exposition(broken)


def test_this_file_reads_the_format_that_is_meant() -> None:
    text = Path(__file__).with_name("example_exposition.txt").read_text(encoding="utf-8")
    families = read_exposition(text)
    assert families["msdos_file_access_time_seconds"].samples == {
        (
            "msdos_file_access_time_seconds",
            (("error", 'Cannot find file:\n"FILE.TXT"'), ("path", "C:\\DIR\\FILE.TXT")),
        ): (1.458255915e9)
    }
    assert families["rpc_duration_seconds"].type == "summary"
