"""Reporters that push send what their systems understand, to real sockets and servers."""

from __future__ import annotations

import base64
import json
import logging
import re
import socket
import sys
from collections.abc import Sequence

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from millstream.common.errors import ConfigurationError
from millstream.common.metrics import MetricGroup
from millstream.common.metrics.reported_metric import ReportedMetric
from millstream.common.metrics.reporters.datadog_reporter import DatadogHttpReporter
from millstream.common.metrics.reporters.graphite_reporter import GraphiteReporter
from millstream.common.metrics.reporters.opentelemetry_reporter import OpenTelemetryReporter
from millstream.common.metrics.reporters.prometheus_push_gateway_reporter import PrometheusPushGatewayReporter
from millstream.common.metrics.reporters.slf4j_reporter import Slf4jReporter
from millstream.common.metrics.reporters.statsd_reporter import StatsDReporter
from tests.unit.common.metrics.reporters.collector import datagrams, http_collector
from tests.unit.common.metrics.reporters.exposition_grammar import read_exposition
from tests.unit.common.metrics.samples import OPERATOR, formats, one_of_each, reported, settings

NOW_MS = 1_700_000_000_123
TM = "127.0.0.1.taskmanager.127.0.0.1-44315-239bff"


def odd_names() -> Sequence[ReportedMetric]:
    group = MetricGroup()
    group.add_group('a b:"c"|d\n', "e=f").counter("g;h").inc()
    return reported(group)


class TestStatsD:
    def test_each_number_is_a_gauge(self) -> None:
        with datagrams() as receiving:
            reporter = StatsDReporter(settings(host="127.0.0.1", port=str(receiving.getsockname()[1])), formats())
            reporter.report(reported(one_of_each()), NOW_MS)
            lines = receiving.recv(65536).decode().split("\n")
        assert lines[:6] == [
            f"{TM}.count:7|g",
            f"{TM}.whole:42|g",
            f"{TM}.negative:0|g",
            f"{TM}.negative:-1.5|g",
            f"{TM}.truth:1|g",
            f"{TM}.rate.count:50|g",
        ]
        assert f"{TM}.rate.rate:10.0|g" in lines
        assert f"{TM}.source_id.abc.latency.p75:75.0|g" in lines
        assert not [line for line in lines if "text" in line or "unknown" in line or "endless" in line]

    def test_names_keep_to_the_format(self) -> None:
        with datagrams() as receiving:
            reporter = StatsDReporter(
                settings(host="127.0.0.1", port=str(receiving.getsockname()[1]), scope__delimiter="_"), formats()
            )
            reporter.report(odd_names(), NOW_MS)
            line = receiving.recv(65536).decode()
        assert line == '127.0.0.1_taskmanager_127.0.0.1-44315-239bff_a-b-"c"-d-_e=f_g;h:1|g'

    def test_many_metrics_are_several_datagrams(self) -> None:
        group = MetricGroup()
        for number in range(100):
            group.counter(f"counter{number}").inc(number)
        with datagrams() as receiving:
            reporter = StatsDReporter(settings(host="127.0.0.1", port=str(receiving.getsockname()[1])), formats())
            reporter.report(reported(group), NOW_MS)
            lines: list[str] = []
            while len(lines) < 100:
                datagram = receiving.recv(65536)
                assert len(datagram) <= 1400
                lines += datagram.decode().split("\n")
        assert lines == [f"{TM}.counter{number}:{number}|g" for number in range(100)]

    def test_host_and_port_are_needed(self) -> None:
        with pytest.raises(ConfigurationError, match=r"needs metrics.reporter.r.host"):
            StatsDReporter(settings(port="1"), formats())
        with pytest.raises(ConfigurationError, match=r"needs metrics.reporter.r.port"):
            StatsDReporter(settings(host="h"), formats())


class TestGraphite:
    def test_lines_go_over_one_connection_until_it_breaks(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(5)
            port = server.getsockname()[1]
            reporter = GraphiteReporter(settings(host="127.0.0.1", port=str(port)), formats())
            group = MetricGroup()
            group.counter("seen").inc(3)
            expected = f"{TM}.seen.count 3 1700000000\n".encode()
            reporter.report(reported(group), NOW_MS)
            connection, _ = server.accept()
            with connection:
                connection.settimeout(5)
                assert connection.recv(4096) == expected
                reporter.report(reported(group), NOW_MS)
                assert connection.recv(4096) == expected
            reporter.report(reported(group), NOW_MS)
            again, _ = server.accept()
            with again:
                again.settimeout(5)
                assert again.recv(4096) == expected
                reporter.close()
                assert again.recv(4096) == b""

    def test_every_kind_has_its_lines(self) -> None:
        with datagrams() as receiving:
            port = str(receiving.getsockname()[1])
            reporter = GraphiteReporter(settings(host="127.0.0.1", port=port, protocol="udp"), formats())
            reporter.report(reported(one_of_each()), NOW_MS)
            lines = [receiving.recv(4096).decode() for _ in range(17)]
        told = dict(line.removesuffix(" 1700000000\n").rsplit(" ", 1) for line in lines)
        names = {name.removeprefix(f"{TM}."): value for name, value in told.items()}
        latency = "source_id.abc.latency."
        statistics = ["count", "max", "mean", "min", "stddev", "p50", "p75", "p95", "p98", "p99", "p999"]
        assert list(names) == [
            "count.count", "whole", "negative", "truth", "rate.count", "rate.m1_rate",
            *(latency + each for each in statistics),
        ]  # fmt: skip
        assert (names["negative"], names["rate.m1_rate"]) == ("-1.5", "10.0")

    def test_names_keep_to_the_format(self) -> None:
        with datagrams() as receiving:
            port = str(receiving.getsockname()[1])
            reporter = GraphiteReporter(settings(host="127.0.0.1", port=port, protocol="UDP"), formats())
            reporter.report(odd_names(), NOW_MS)
            assert receiving.recv(4096).decode() == f"{TM}.a_b-c|d_.e-f.g-h.count 1 1700000000\n"

    def test_nobody_there_is_an_error(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        reporter = GraphiteReporter(settings(host="127.0.0.1", port=str(port)), formats())
        with pytest.raises(OSError, match="refused"):
            reporter.report(reported(one_of_each()), NOW_MS)
        reporter.close()

    def test_a_protocol_is_tcp_or_udp(self) -> None:
        with pytest.raises(
            ConfigurationError, match=r"r.protocol: 'http' is not a possible value; expected TCP or UDP"
        ):
            GraphiteReporter(settings(host="h", protocol="http"), formats())


class TestPushGateway:
    def test_metrics_replace_those_of_the_group_until_the_process_ends(self) -> None:
        with http_collector() as gateway:
            reporter = PrometheusPushGatewayReporter(
                settings(hostUrl=gateway.url, jobName="shop", groupingKey="zone=eu/1; team=a"), formats()
            )
            assert not reporter.reports_at_close
            reporter.report(reported(one_of_each()), NOW_MS)
            reporter.report(reported(one_of_each()), NOW_MS)
            reporter.close()
        methods = [request.method for request in gateway.requests]
        paths = {request.path for request in gateway.requests}
        assert methods == ["PUT", "PUT", "DELETE"]
        assert len(paths) == 1
        zone = base64.urlsafe_b64encode(b"eu/1").decode()
        assert re.fullmatch(rf"/metrics/job/shop[0-9a-f]{{32}}/team/a/zone@base64/{re.escape(zone)}", paths.pop())
        families = read_exposition(gateway.requests[0].body.decode())
        assert list(families["flink_taskmanager_count"].samples.values()) == [7]

    def test_the_group_may_stay_and_the_name_may_be_plain(self) -> None:
        with http_collector() as gateway:
            reporter = PrometheusPushGatewayReporter(
                settings(hostUrl=gateway.url, jobName="shop", randomJobNameSuffix="false", deleteOnShutdown="false"),
                formats(),
            )
            assert reporter.reports_at_close
            reporter.report([], NOW_MS)
            reporter.close()
        assert [(request.method, request.path) for request in gateway.requests] == [("PUT", "/metrics/job/shop")]

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({}, "needs metrics.reporter.r.hostUrl"),
            ({"hostUrl": "gateway:9091"}, "r.hostUrl: 'gateway:9091' is not a possible value; expected a URL"),
            ({"hostUrl": "http://g", "groupingKey": "a"}, "r.groupingKey: 'a' is not a possible value"),
            ({"hostUrl": "http://g", "randomJobNameSuffix": "no"}, "r.randomJobNameSuffix: 'no' is not"),
            ({"hostUrl": "http://g", "randomJobNameSuffix": "false"}, "r.jobName: '' is not a possible value"),
            ({"hostUrl": "http://g", "jobname": "x"}, "no such parameter; did you mean metrics.reporter.r.jobName"),
        ],
    )
    def test_wrong_settings_are_told(self, parameters: dict[str, str], message: str) -> None:
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            PrometheusPushGatewayReporter(settings(**parameters), formats())


class TestDatadog:
    def test_series_have_tags_and_counts_are_differences(self) -> None:
        group = MetricGroup()
        made = formats(tm="flink.tm")
        counter = group.counter("seen")
        counter.inc(5)
        group.gauge("unknown", lambda: float("nan"))
        with http_collector() as datadog:
            reporter = DatadogHttpReporter(
                settings(apikey="k3y", url=datadog.url, tags="env:test, team:a", interval="30 s"),
                made,
            )
            reporter.report(reported(group, made=made), NOW_MS)
            counter.inc(2)
            datadog.status = 500
            with pytest.raises(OSError, match="answers 500") as failure:
                reporter.report(reported(group, made=made), NOW_MS)
            assert "k3y" not in str(failure.value)
            counter.inc(3)
            datadog.status = 202
            reporter.report(reported(group, made=made), NOW_MS)
            reporter.close()
        series = [json.loads(request.body)["series"] for request in datadog.requests]
        assert series[0] == [
            {
                "metric": "flink.tm.seen",
                "type": "count",
                "host": "127.0.0.1",
                "tags": ["env:test", "team:a", "host:127.0.0.1", "tm_id:127.0.0.1:44315-239bff"],
                "points": [[1_700_000_000, 5]],
                "interval": 30,
            }
        ]
        assert [each[0]["points"][0][1] for each in series] == [5, 2, 5]
        assert {request.path for request in datadog.requests} == {"/api/v1/series"}
        assert {request.headers["dd-api-key"] for request in datadog.requests} == {"k3y"}

    def test_requests_hold_so_many_metrics_at_most(self) -> None:
        with http_collector() as datadog:
            reporter = DatadogHttpReporter(
                settings(apikey="k", url=datadog.url, maxMetricsPerRequest="4", useLogicalIdentifier="true"), formats()
            )
            reporter.report(reported(one_of_each(), OPERATOR), NOW_MS)
        requests = [json.loads(request.body)["series"] for request in datadog.requests]
        assert [len(series) for series in requests] == [4, 4, 3]
        told = {entry["metric"]: entry["points"][0][1] for series in requests for entry in series}
        prefix = "flink.taskmanager.job.task.operator."
        latency = f"{prefix}source_id.latency"
        aggregations = ("avg", "count", "median", "95percentile", "min", "max")
        assert list(told) == [
            *(prefix + name for name in ("count", "whole", "negative", "truth", "rate")),
            *(f"{latency}.{aggregation}" for aggregation in aggregations),
        ]
        assert told[f"{latency}.95percentile"] == pytest.approx(95)

    def test_a_proxy_gets_the_whole_url(self) -> None:
        with http_collector() as proxy:
            host, port = proxy.url.removeprefix("http://").split(":")
            reporter = DatadogHttpReporter(
                settings(apikey="k", url="http://datadog.example", proxyHost=host, proxyPort=port), formats()
            )
            reporter.report(reported(one_of_each()), NOW_MS)
        assert proxy.requests[0].path == "http://datadog.example/api/v1/series"

    def test_wrong_settings_are_told(self) -> None:
        with pytest.raises(ConfigurationError, match=r"needs metrics.reporter.r.apikey"):
            DatadogHttpReporter(settings(), formats())
        with pytest.raises(ConfigurationError, match=r"r.dataCenter: 'Mars' .*expected US or EU"):
            DatadogHttpReporter(settings(apikey="k", dataCenter="Mars"), formats())
        with pytest.raises(ConfigurationError, match=r"r.maxMetricsPerRequest: '0'"):
            DatadogHttpReporter(settings(apikey="k", maxMetricsPerRequest="0"), formats())


class TestOpenTelemetry:
    def test_a_collector_gets_the_metrics(self) -> None:
        with http_collector() as collector:
            reporter = OpenTelemetryReporter(
                settings(exporter__endpoint=collector.url, service__name="shop", service__version="2"), formats()
            )
            reporter.report(reported(one_of_each(), OPERATOR), NOW_MS)
            reporter.close()
        (request,) = collector.requests
        assert (request.path, request.headers["content-type"]) == ("/v1/metrics", "application/x-protobuf")
        sent = ExportMetricsServiceRequest.FromString(request.body).resource_metrics[0]
        resource = {item.key: item.value.string_value for item in sent.resource.attributes}
        assert resource == {"service.name": "shop", "service.version": "2"}
        prefix = "flink.taskmanager.job.task.operator."
        told = {metric.name.removeprefix(prefix): metric for metric in sent.scope_metrics[0].metrics}
        assert list(told) == [
            "count", "whole", "negative", "truth", "unknown", "endless", "rate.count", "rate.rate", "source_id.latency",
        ]  # fmt: skip
        (point,) = told["count"].sum.data_points
        assert (point.as_int, point.time_unix_nano, told["count"].sum.is_monotonic) == (7, NOW_MS * 10**6, False)
        assert told["rate.rate"].gauge.data_points[0].as_double == 10
        (summary,) = told["source_id.latency"].summary.data_points
        quantiles = {each.quantile: each.value for each in summary.quantile_values}
        assert (summary.count, summary.sum, quantiles[0.0], quantiles[0.5], quantiles[1.0]) == (99, 4950, 1, 50, 99)
        attributes = {item.key: item.value.string_value for item in summary.attributes}
        assert (attributes["operator_name"], attributes["source_id"]) == ("Map", "abc")

    def test_a_path_of_ones_own_is_kept(self) -> None:
        with http_collector() as collector:
            settings_ = settings(exporter__endpoint=f"{collector.url}/tenant/metrics", exporter__timeout="3 s")
            OpenTelemetryReporter(settings_, formats()).report([], NOW_MS)
        assert collector.requests[0].path == "/tenant/metrics"

    def test_without_the_library_the_error_says_what_to_install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "opentelemetry.proto.metrics.v1.metrics_pb2", None)
        with pytest.raises(ConfigurationError, match=r"pip install 'millstream\[opentelemetry\]'"):
            OpenTelemetryReporter(settings(exporter__endpoint="http://localhost:4318"), formats())

    @pytest.mark.parametrize(
        ("parameters", "message"),
        [
            ({}, "needs metrics.reporter.r.exporter.endpoint"),
            ({"exporter__endpoint": "localhost:4318"}, "r.exporter.endpoint: 'localhost:4318' is not"),
            ({"exporter__endpoint": "http://c", "exporter__protocol": "gRPC"}, "expected http, which every collector"),
            ({"exporter__endpoint": "http://c", "exporter__timeout": "0 s"}, "expected a time longer than 0"),
        ],
    )
    def test_wrong_settings_are_told(self, parameters: dict[str, str], message: str) -> None:
        with pytest.raises(ConfigurationError, match=re.escape(message)):
            OpenTelemetryReporter(settings(**parameters), formats())


class TestSlf4j:
    def test_the_log_has_a_line_for_each_metric(self, caplog: pytest.LogCaptureFixture) -> None:
        made = formats(tm="tm")
        reporter = Slf4jReporter(settings(), made)
        group = one_of_each()
        group.gauge("lines", lambda: "a\nb")
        with caplog.at_level(logging.INFO):
            reporter.report(reported(group, made=made), NOW_MS)
        reporter.close()
        (record,) = caplog.records
        assert record.levelno == logging.INFO
        lines = record.getMessage().split("\n")
        assert [line for line in lines if line.startswith("tm.") and "latency" not in line] == [
            "tm.count: 7",
            "tm.endless: inf",
            "tm.lines: a b",
            "tm.negative: -1.5",
            "tm.text: s3://bucket/chk-1",
            "tm.truth: true",
            "tm.unknown: nan",
            "tm.whole: 42",
            "tm.rate: 10.0",
        ]
        (latency,) = (line for line in lines if "latency" in line)
        assert latency.startswith("tm.source_id.abc.latency: count=99, min=1.0, max=99.0, mean=50.0, stddev=28.7")
