"""When silence means death."""

from __future__ import annotations

from millstream.jobmanager.heartbeat.heartbeat_monitor import HeartbeatMonitor


def test_silence_beyond_the_timeout_is_death() -> None:
    monitor = HeartbeatMonitor(50.0, 2, 0.0)
    assert monitor.lost(49.9) is None
    assert "no heartbeat for 50 s" in (monitor.lost(50.0) or "")
    monitor.alive(49.0)
    assert monitor.deadline == 99.0
    assert monitor.lost(98.0) is None


def test_calls_that_reach_nobody_are_death_at_the_threshold() -> None:
    monitor = HeartbeatMonitor(50.0, 2, 0.0)
    monitor.unreachable("refused")
    assert monitor.lost(1.0) is None
    monitor.alive(2.0)
    monitor.unreachable("refused")
    assert monitor.lost(3.0) is None
    monitor.unreachable("refused")
    assert monitor.lost(3.0) == "2 heartbeats in a row could not reach it (refused)"


def test_a_negative_threshold_leaves_it_to_the_timeout() -> None:
    monitor = HeartbeatMonitor(50.0, -1, 0.0)
    for _ in range(10):
        monitor.unreachable("refused")
    assert monitor.lost(49.0) is None
