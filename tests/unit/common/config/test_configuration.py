"""Configuration: typed reading, former names, PyFlink's methods."""

from __future__ import annotations

from datetime import timedelta

import pytest

from millstream.common.config import (
    Configuration,
    CoreOptions,
    HeartbeatOptions,
    MetricOptions,
    PipelineOptions,
    RestartStrategyOptions,
    RpcOptions,
    TaskManagerMemoryOptions,
    TaskManagerOptions,
)
from millstream.common.errors import ConfigurationError


def test_an_option_gives_its_default_until_it_is_set() -> None:
    configuration = Configuration()
    assert configuration.get(HeartbeatOptions.INTERVAL) == timedelta(seconds=10)
    assert configuration.get(TaskManagerOptions.HOST) is None
    assert not configuration.contains(HeartbeatOptions.INTERVAL)
    configuration.set(HeartbeatOptions.INTERVAL, timedelta(milliseconds=50)).set(TaskManagerOptions.HOST, "worker-1")
    assert configuration.get(HeartbeatOptions.INTERVAL) == timedelta(milliseconds=50)
    assert configuration.get(TaskManagerOptions.HOST) == "worker-1"
    assert configuration.contains(HeartbeatOptions.INTERVAL)
    configuration.set(TaskManagerOptions.HOST, None)
    assert not configuration.contains(TaskManagerOptions.HOST)


def test_a_value_of_the_wrong_type_is_refused_when_it_is_set() -> None:
    with pytest.raises(ConfigurationError, match=r"parallelism\.default: 0 is not a possible value; expected a whole"):
        Configuration().set(CoreOptions.DEFAULT_PARALLELISM, 0)
    with pytest.raises(ConfigurationError, match=r"'4' is not a possible value"):
        Configuration().set(CoreOptions.DEFAULT_PARALLELISM, "4")  # type: ignore[misc]  # this is the mistake


def test_a_bad_text_is_refused_when_it_is_read() -> None:
    configuration = Configuration.from_map({"heartbeat.interval": "soon"})
    with pytest.raises(ConfigurationError, match=r"heartbeat\.interval: 'soon' is not a possible value"):
        configuration.get(HeartbeatOptions.INTERVAL)


def test_settings_travel_as_a_map() -> None:
    configuration = Configuration().set(PipelineOptions.GLOBAL_JOB_PARAMETERS, {"in": "a,b", "out": "c:d"})
    again = Configuration.from_map(configuration.to_map())
    assert again == configuration
    assert again.get(PipelineOptions.GLOBAL_JOB_PARAMETERS) == {"in": "a,b", "out": "c:d"}


def test_a_former_name_sets_the_current_option() -> None:
    configuration = Configuration().set_string("akka.ask.timeout", "3 s")
    assert configuration.get(RpcOptions.ASK_TIMEOUT) == timedelta(seconds=3)
    assert configuration.get_string("akka.ask.timeout", "") == "3 s"
    assert configuration.key_set() == {"pekko.ask.timeout"}


def test_the_current_name_wins_over_a_former_one_whatever_their_order() -> None:
    for keys in (["akka.ask.timeout", "pekko.ask.timeout"], ["pekko.ask.timeout", "akka.ask.timeout"]):
        configuration = Configuration.from_map({key: "1 s" if key.startswith("akka") else "2 s" for key in keys})
        assert configuration.get(RpcOptions.ASK_TIMEOUT) == timedelta(seconds=2)


def test_a_later_former_name_overrides_an_earlier_current_one() -> None:
    base = Configuration.from_map({"pekko.ask.timeout": "1 s"})
    base.add_all(Configuration.from_map({"akka.ask.timeout": "2 s"}))
    assert base.get(RpcOptions.ASK_TIMEOUT) == timedelta(seconds=2)


def test_a_former_option_with_another_unit_is_converted() -> None:
    configuration = Configuration.from_map({"taskmanager.heap.mb": "512"})
    assert configuration.get(TaskManagerMemoryOptions.PROCESS_SIZE) == 512 << 20


def test_restart_strategies_have_several_names() -> None:
    for name, expected in {
        "off": "none",
        "FixedDelay": "fixed-delay",
        "exponential-delay": "exponential-delay",
    }.items():
        configuration = Configuration.from_map({"restart-strategy": name})
        assert configuration.get(RestartStrategyOptions.TYPE) == expected


def test_families_have_an_option_for_each_name() -> None:
    interval = MetricOptions.REPORTER_INTERVAL.option("prom")
    assert interval.key == "metrics.reporter.prom.interval"
    configuration = Configuration.from_map({interval.key: "3 s", "metrics.reporter.prom.class": "x.Y"})
    assert configuration.get(interval) == timedelta(seconds=3)
    assert configuration.get(MetricOptions.REPORTER_FACTORY_CLASS.option("prom")) == "x.Y"


def test_pyflink_methods_work_by_key() -> None:
    configuration = Configuration()
    configuration.set_string("a.string", "x").set_integer("an.integer", 3).set_boolean("a.boolean", True)
    configuration.set_float("a.float", 0.5).set_bytearray("some.bytes", bytearray(b"\x00\xff"))
    assert configuration.get_string("a.string", "") == "x"
    assert configuration.get_integer("an.integer", 0) == 3
    assert configuration.get_boolean("a.boolean", False) is True
    assert configuration.get_float("a.float", 0.0) == 0.5
    assert configuration.get_bytearray("some.bytes", bytearray()) == bytearray(b"\x00\xff")
    assert configuration.get_integer("none", 7) == 7
    assert configuration.contains_key("a.string")
    assert configuration.key_set() == {"a.string", "an.integer", "a.boolean", "a.float", "some.bytes"}
    assert configuration.remove_config("a.string") is True
    assert configuration.remove_config("a.string") is False
    target: dict[str, str] = {}
    configuration.add_all_to_dict(target)
    assert target == configuration.to_dict()
    with pytest.raises(ConfigurationError, match=r"an\.integer: '3' is not a possible value; expected true or false"):
        configuration.get_boolean("an.integer", False)


def test_a_prefix_goes_before_each_key_that_is_taken_over() -> None:
    configuration = Configuration().set_string("x.a", "0").add_all(Configuration.from_map({"a": "1"}), "x.")
    assert configuration.to_dict() == {"x.a": "1"}


def test_a_copy_is_independent() -> None:
    first = Configuration().set_string("a", "1")
    for second in (first.copy(), Configuration(first)):
        assert second == first
        second.set_string("a", "2")
        assert first.get_string("a", "") == "1"
        assert second != first


def test_secrets_are_not_shown() -> None:
    configuration = Configuration.from_map({"security.ssl.rest.key-password": "hush", "parallelism.default": "2"})
    assert str(configuration) == "{parallelism.default=2, security.ssl.rest.key-password=******}"
    assert "hush" not in repr(configuration)


def test_equal_settings_have_equal_hashes() -> None:
    first, second = Configuration(), Configuration()
    first.set_string("a", "1").set_integer("b", 2)
    second.set_integer("b", 2)
    assert hash(first) != hash(second)
    second.set_string("a", "1")
    assert first == second
    assert hash(first) == hash(second)


@pytest.mark.parametrize("value", ["x;y", "[x, y]", "- x\n- y"])
@pytest.mark.parametrize("more", [(), (True,), (False,)])
def test_lists_are_parsed_in_all_their_forms(value: str, more: tuple[bool, ...]) -> None:
    assert Configuration.parse_list_value(value, *more) == ["x", "y"]
    assert Configuration.parse_list_value(None, *more) == []
