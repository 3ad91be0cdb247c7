"""Settings that programs for PyFlink set one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from millstream.common import (
    ConfigOptions,
    Configuration,
    ExecutionConfig,
    ExecutionMode,
    InputDependencyConstraint,
    RestartStrategies,
    RestartStrategyConfiguration,
)


@pytest.mark.parametrize(
    "strategy",
    [
        RestartStrategies.no_restart(),
        RestartStrategies.fall_back_restart(),
        RestartStrategies.fixed_delay_restart(3, 1000),
        RestartStrategies.failure_rate_restart(3, 1000, 50),
    ],
)
def test_restart_strategies_can_be_read_back(strategy: RestartStrategyConfiguration) -> None:
    config = ExecutionConfig()
    config.set_restart_strategy(RestartStrategies.fixed_delay_restart(9, 9)).set_restart_strategy(strategy)
    assert config.get_restart_strategy() == strategy
    assert isinstance(strategy, RestartStrategyConfiguration)


def test_a_restart_strategy_without_a_class_is_the_clusters() -> None:
    config = ExecutionConfig(Configuration().set_string("restart-strategy.type", "exponential-delay"))
    assert config.get_restart_strategy() == RestartStrategies.fall_back_restart()


def test_switches() -> None:
    config = ExecutionConfig()
    assert config.is_closure_cleaner_enabled()
    assert not config.disable_closure_cleaner().is_closure_cleaner_enabled()
    assert config.enable_closure_cleaner().is_closure_cleaner_enabled()
    assert not config.is_force_kryo_enabled()
    assert config.enable_force_kryo().is_force_kryo_enabled()
    assert not config.disable_force_kryo().is_force_kryo_enabled()
    assert config.enable_force_avro().is_force_avro_enabled()
    assert not config.disable_force_avro().is_force_avro_enabled()
    assert not config.is_auto_type_registration_disabled()
    assert config.disable_auto_type_registration().is_auto_type_registration_disabled()
    assert config.disable_generic_types().has_generic_types_disabled()
    assert not config.enable_generic_types().has_generic_types_disabled()
    assert config.set_use_snapshot_compression(True).is_use_snapshot_compression()


def test_values() -> None:
    config = ExecutionConfig()
    assert config.set_latency_tracking_interval(50).get_latency_tracking_interval() == 50
    assert config.get_execution_mode() is ExecutionMode.PIPELINED
    assert config.set_execution_mode(ExecutionMode.BATCH).get_execution_mode() is ExecutionMode.BATCH
    config.set_default_input_dependency_constraint(InputDependencyConstraint.ALL)
    assert config.get_default_input_dependency_constraint() is InputDependencyConstraint.ALL
    config.register_kryo_type("a").register_kryo_type("a").register_pojo_type("b")
    assert (config.get_registered_kryo_types(), config.get_registered_pojo_types()) == (["a"], ["b"])
    with pytest.raises(ValueError, match="at least 0"):
        config.set_latency_tracking_interval(-1)


def test_options_of_a_programs_own() -> None:
    settings = Configuration().set_string("my.threshold", "5").set_string("my.switch", "true")
    assert settings.get(ConfigOptions.key("my.threshold").int_type().default_value(3)) == 5
    assert settings.get(ConfigOptions.key("my.limit").long_type().default_value(3)) == 3
    assert settings.get(ConfigOptions.key("my.switch").boolean_type().no_default_value()) is True
    assert settings.get(ConfigOptions.key("my.name").string_type().no_default_value()) is None
    assert settings.get(ConfigOptions.key("my.threshold").double_type().default_value(0.5)) == 5.0
    assert settings.get(ConfigOptions.key("my.ratio").float_type().default_value(0.5)) == 0.5


def test_lists_in_the_configuration() -> None:
    assert Configuration.parse_list_value("") == []
    assert Configuration.parse_list_value("a;b") == ["a", "b"]
    assert Configuration.parse_list_value("[a, b]") == ["a", "b"]
    assert Configuration.parse_jars_value("file:///a.jar;file:///b.jar", None) == ["file:///a.jar", "file:///b.jar"]


def test_failure_rates_are_durations() -> None:
    strategy = RestartStrategies.failure_rate_restart(3, 1000, 50)
    assert strategy.get_failure_interval() == timedelta(seconds=1)


def test_equal_settings_make_equal_configs() -> None:
    first, second = ExecutionConfig(), ExecutionConfig()
    assert first == second
    assert hash(first) == hash(second)
    first.set_parallelism(12)
    assert first != second
    second.set_parallelism(12).enable_object_reuse()
    assert first != second
    assert first.enable_object_reuse() == second
    assert hash(first) == hash(second)
    assert first.register_pojo_type("org.example.Pojo") != second
