"""How long state lives that is not touched."""

from __future__ import annotations

from abc import ABC
from enum import Enum

from millstream.common.time import Duration, Time

__all__ = ["StateTtlConfig"]

_DEFAULT_CLEANUP_SIZE = 5
_DEFAULT_QUERY_TIME_AFTER_NUM_ENTRIES = 1000
_DEFAULT_PERIODIC_COMPACTION = Duration.of_days(30)


class StateTtlConfig:
    """The time to live of a state, by processing time. Made by a builder: :meth:`new_builder`.

    Each value, list element and map entry has a time of its own. What has expired is removed when it is read, and bit
    by bit in the background.
    """

    class UpdateType(Enum):
        """What prolongs a value's life."""

        Disabled = 0
        """Nothing: values do not expire."""
        OnCreateAndWrite = 1
        """Writing it."""
        OnReadAndWrite = 2
        """Writing and reading it."""

    class StateVisibility(Enum):
        """Whether a value that has expired, but is still there, is seen."""

        ReturnExpiredIfNotCleanedUp = 0
        """It may be seen once more."""
        NeverReturnExpired = 1
        """It is not seen."""

    class TtlTimeCharacteristic(Enum):
        """Which clock counts."""

        ProcessingTime = 0
        """That of the machine."""

    def __init__(
        self,
        update_type: UpdateType,
        state_visibility: StateVisibility,
        ttl_time_characteristic: TtlTimeCharacteristic,
        ttl: Time | Duration,
        cleanup_strategies: StateTtlConfig.CleanupStrategies,
    ) -> None:
        self._update_type = update_type
        self._state_visibility = state_visibility
        self._ttl_time_characteristic = ttl_time_characteristic
        self._ttl = _as_time(ttl)
        self._cleanup_strategies = cleanup_strategies

    @staticmethod
    def new_builder(ttl: Time | Duration) -> StateTtlConfig.Builder:
        """Begin a configuration with this time to live."""
        return StateTtlConfig.Builder(ttl)

    def get_update_type(self) -> UpdateType:
        """What prolongs a value's life."""
        return self._update_type

    def get_state_visibility(self) -> StateVisibility:
        """Whether expired values may be seen."""
        return self._state_visibility

    def get_ttl(self) -> Time:
        """The time to live."""
        return self._ttl

    def get_ttl_time_characteristic(self) -> TtlTimeCharacteristic:
        """Which clock counts."""
        return self._ttl_time_characteristic

    def is_enabled(self) -> bool:
        """Whether values expire at all."""
        return self._update_type is not StateTtlConfig.UpdateType.Disabled

    def get_cleanup_strategies(self) -> StateTtlConfig.CleanupStrategies:
        """How expired values are removed that nobody reads."""
        return self._cleanup_strategies

    def __repr__(self) -> str:
        return (
            f"StateTtlConfig<update_type={self._update_type}, state_visibility={self._state_visibility}, "
            f"ttl_time_characteristic={self._ttl_time_characteristic}, ttl={self._ttl}>"
        )

    class Builder:
        """Builds a :class:`StateTtlConfig`."""

        def __init__(self, ttl: Time | Duration) -> None:
            self._ttl = _as_time(ttl)
            self._update_type = StateTtlConfig.UpdateType.OnCreateAndWrite
            self._state_visibility = StateTtlConfig.StateVisibility.NeverReturnExpired
            self._ttl_time_characteristic = StateTtlConfig.TtlTimeCharacteristic.ProcessingTime
            self._is_cleanup_in_background = True
            self._strategies: dict[
                StateTtlConfig.CleanupStrategies.Strategies, StateTtlConfig.CleanupStrategies.CleanupStrategy
            ] = {}

        def set_update_type(self, update_type: StateTtlConfig.UpdateType) -> StateTtlConfig.Builder:
            """Say what prolongs a value's life."""
            self._update_type = update_type
            return self

        def update_ttl_on_create_and_write(self) -> StateTtlConfig.Builder:
            """Writing prolongs a value's life (the default)."""
            return self.set_update_type(StateTtlConfig.UpdateType.OnCreateAndWrite)

        def update_ttl_on_read_and_write(self) -> StateTtlConfig.Builder:
            """Reading prolongs a value's life too."""
            return self.set_update_type(StateTtlConfig.UpdateType.OnReadAndWrite)

        def set_state_visibility(self, state_visibility: StateTtlConfig.StateVisibility) -> StateTtlConfig.Builder:
            """Say whether expired values may be seen."""
            self._state_visibility = state_visibility
            return self

        def return_expired_if_not_cleaned_up(self) -> StateTtlConfig.Builder:
            """Expired values may be seen once more."""
            return self.set_state_visibility(StateTtlConfig.StateVisibility.ReturnExpiredIfNotCleanedUp)

        def never_return_expired(self) -> StateTtlConfig.Builder:
            """Expired values are not seen (the default)."""
            return self.set_state_visibility(StateTtlConfig.StateVisibility.NeverReturnExpired)

        def set_ttl_time_characteristic(
            self, ttl_time_characteristic: StateTtlConfig.TtlTimeCharacteristic
        ) -> StateTtlConfig.Builder:
            """Say which clock counts."""
            self._ttl_time_characteristic = ttl_time_characteristic
            return self

        def use_processing_time(self) -> StateTtlConfig.Builder:
            """The machine's clock counts (the default)."""
            return self.set_ttl_time_characteristic(StateTtlConfig.TtlTimeCharacteristic.ProcessingTime)

        def cleanup_full_snapshot(self) -> StateTtlConfig.Builder:
            """Leave expired values out of full snapshots."""
            strategies = StateTtlConfig.CleanupStrategies
            self._strategies[strategies.Strategies.FULL_STATE_SCAN_SNAPSHOT] = strategies.EMPTY_STRATEGY
            return self

        def cleanup_incrementally(
            self, cleanup_size: int, run_cleanup_for_every_record: bool
        ) -> StateTtlConfig.Builder:
            """Look at ``cleanup_size`` keys at each access to the state, and also for every record if so wanted."""
            strategies = StateTtlConfig.CleanupStrategies
            self._strategies[strategies.Strategies.INCREMENTAL_CLEANUP] = strategies.IncrementalCleanupStrategy(
                cleanup_size, run_cleanup_for_every_record
            )
            return self

        def cleanup_in_rocksdb_compact_filter(
            self,
            query_time_after_num_entries: int,
            periodic_compaction_time: Duration = _DEFAULT_PERIODIC_COMPACTION,
        ) -> StateTtlConfig.Builder:
            """Remove expired values while a backend on disk compacts its files. State on the heap has none."""
            strategies = StateTtlConfig.CleanupStrategies
            strategy = strategies.RocksdbCompactFilterCleanupStrategy(
                query_time_after_num_entries, periodic_compaction_time
            )
            self._strategies[strategies.Strategies.ROCKSDB_COMPACTION_FILTER] = strategy
            return self

        def disable_cleanup_in_background(self) -> StateTtlConfig.Builder:
            """Remove expired values only when they are read, and as the methods above say."""
            self._is_cleanup_in_background = False
            return self

        def set_ttl(self, ttl: Time | Duration) -> StateTtlConfig.Builder:
            """Set the time to live."""
            self._ttl = _as_time(ttl)
            return self

        def build(self) -> StateTtlConfig:
            """The configuration."""
            return StateTtlConfig(
                self._update_type,
                self._state_visibility,
                self._ttl_time_characteristic,
                self._ttl,
                StateTtlConfig.CleanupStrategies(dict(self._strategies), self._is_cleanup_in_background),
            )

    class CleanupStrategies:
        """How expired values are removed that nobody reads."""

        class Strategies(Enum):
            """The ways there are."""

            FULL_STATE_SCAN_SNAPSHOT = 0
            INCREMENTAL_CLEANUP = 1
            ROCKSDB_COMPACTION_FILTER = 2

        class CleanupStrategy(ABC):  # only names what the following have in common, as in PyFlink
            """One way."""

        class EmptyCleanupStrategy(CleanupStrategy):
            """A way that has no settings."""

        class IncrementalCleanupStrategy(CleanupStrategy):
            """A few keys at each access."""

            def __init__(self, cleanup_size: int, run_cleanup_for_every_record: bool) -> None:
                if cleanup_size < 0:
                    raise ValueError(f"cleanup_size is a number of keys, not {cleanup_size}")
                self._cleanup_size = cleanup_size
                self._run_cleanup_for_every_record = run_cleanup_for_every_record

            def get_cleanup_size(self) -> int:
                """How many keys."""
                return self._cleanup_size

            def run_cleanup_for_every_record(self) -> bool:
                """Whether also for every record."""
                return self._run_cleanup_for_every_record

        class RocksdbCompactFilterCleanupStrategy(CleanupStrategy):
            """While a backend on disk compacts its files."""

            def __init__(
                self,
                query_time_after_num_entries: int,
                periodic_compaction_time: Duration = _DEFAULT_PERIODIC_COMPACTION,
            ) -> None:
                self._query_time_after_num_entries = query_time_after_num_entries
                self._periodic_compaction_time = periodic_compaction_time

            def get_query_time_after_num_entries(self) -> int:
                """After how many entries the clock is read again."""
                return self._query_time_after_num_entries

            def get_periodic_compaction_time(self) -> Duration:
                """How old a file gets before it is compacted in any case."""
                return self._periodic_compaction_time

        EMPTY_STRATEGY = EmptyCleanupStrategy()

        def __init__(
            self,
            strategies: dict[
                StateTtlConfig.CleanupStrategies.Strategies, StateTtlConfig.CleanupStrategies.CleanupStrategy
            ],
            is_cleanup_in_background: bool,
        ) -> None:
            self._strategies = strategies
            self._is_cleanup_in_background = is_cleanup_in_background

        def is_cleanup_in_background(self) -> bool:
            """Whether each backend also cleans up in the way that suits it."""
            return self._is_cleanup_in_background

        def in_full_snapshot(self) -> bool:
            """Whether full snapshots leave expired values out."""
            return StateTtlConfig.CleanupStrategies.Strategies.FULL_STATE_SCAN_SNAPSHOT in self._strategies

        def get_incremental_cleanup_strategy(
            self,
        ) -> StateTtlConfig.CleanupStrategies.IncrementalCleanupStrategy | None:
            """The settings of cleaning up incrementally, ``None`` if that is off."""
            strategies = StateTtlConfig.CleanupStrategies
            given = self._strategies.get(strategies.Strategies.INCREMENTAL_CLEANUP)
            if isinstance(given, strategies.IncrementalCleanupStrategy):
                return given
            if self._is_cleanup_in_background:
                return strategies.IncrementalCleanupStrategy(_DEFAULT_CLEANUP_SIZE, False)
            return None

        def get_rocksdb_compact_filter_cleanup_strategy(
            self,
        ) -> StateTtlConfig.CleanupStrategies.RocksdbCompactFilterCleanupStrategy | None:
            """The settings of cleaning up while compacting, ``None`` if that is off."""
            strategies = StateTtlConfig.CleanupStrategies
            given = self._strategies.get(strategies.Strategies.ROCKSDB_COMPACTION_FILTER)
            if isinstance(given, strategies.RocksdbCompactFilterCleanupStrategy):
                return given
            if self._is_cleanup_in_background:
                return strategies.RocksdbCompactFilterCleanupStrategy(_DEFAULT_QUERY_TIME_AFTER_NUM_ENTRIES)
            return None


def _as_time(ttl: Time | Duration) -> Time:
    """Accept either way of saying how long."""
    if isinstance(ttl, Duration):
        ttl = Time.milliseconds(ttl.to_millis())
    if not isinstance(ttl, Time):
        raise TypeError(f"a time to live is a Time such as Time.hours(1), not {ttl!r}")
    if ttl.to_milliseconds() <= 0:
        raise ValueError(f"a time to live is longer than nothing, not {ttl!r}")
    return ttl
