"""Until when clients are believed to live."""

from __future__ import annotations

from millstream.common.ids import JobID
from millstream.dispatcher.client_heartbeats import ClientHeartbeats

ONE, TWO = JobID("1" * 32), JobID("2" * 32)


def test_a_client_that_reports_in_time_lives() -> None:
    clients = ClientHeartbeats()
    clients.watch(ONE, 100, now_ms=0)
    clients.watch(TWO, 200, now_ms=0)
    assert clients.next_expiry_ms == 100
    clients.reported(ONE, 300)
    assert clients.next_expiry_ms == 200
    assert clients.take_silent(199) == []
    assert clients.take_silent(200) == [TWO]
    assert clients.take_silent(300) == [ONE]
    assert clients.next_expiry_ms is None


def test_a_report_that_was_overtaken_shortens_nothing() -> None:
    clients = ClientHeartbeats()
    clients.watch(ONE, 100, now_ms=0)
    clients.reported(ONE, 300)
    clients.reported(ONE, 200)
    assert clients.next_expiry_ms == 300


def test_jobs_that_outlive_their_clients_and_jobs_that_have_ended() -> None:
    clients = ClientHeartbeats()
    clients.reported(ONE, 0)
    clients.forget(ONE)
    clients.watch(TWO, 100, now_ms=0)
    clients.forget(TWO)
    assert clients.take_silent(1000) == []
