"""A JobMaster that falls silent is noticed."""

from __future__ import annotations

import asyncio

from millstream.common.ids import JobID, LeaderSessionId
from millstream.jobmanager.resource_manager.job_master_registration import JobMasterRegistration

JOB, JM = JobID("1" * 32), LeaderSessionId("jm")


def test_silence_is_told_once_with_its_reason() -> None:
    async def main() -> list[str]:
        lost: list[str] = []
        told = asyncio.Event()

        def on_lost(reason: str) -> None:
            lost.append(reason)
            told.set()

        registration = JobMasterRegistration(JOB, JM, 0.02, on_lost, lambda: None)
        registration.heartbeat()
        await asyncio.wait_for(told.wait(), 10)
        registration.stop()
        return lost

    assert asyncio.run(main()) == ["no heartbeat for 0.02 s (heartbeat.timeout)"]


def test_stopping_ends_both_watches() -> None:
    async def main() -> list[str]:
        calls: list[str] = []
        registration = JobMasterRegistration(JOB, JM, 3600.0, calls.append, lambda: calls.append("watch ended"))
        registration.stop()
        return calls

    assert asyncio.run(main()) == ["watch ended"]
