"""Makes known who leads a job, as long as its JobMaster is there."""

from __future__ import annotations

import logging
from typing import Final

from millstream.common.errors import MillstreamError
from millstream.common.fault_points import FaultPoint
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership, LeadershipLostError
from millstream.common.ids import JobID
from millstream.jobmanager.patience import patiently

__all__ = ["JobPublication"]

logger = logging.getLogger(__name__)

_PUBLISHED: Final = FaultPoint("jobmaster.published", "it is known who leads a job, no slots are asked for yet")


class JobPublication:
    """Where one job's JobMaster is, for others to look up.

    :param endpoint: that the JobMaster serves.
    """

    def __init__(self, job_id: JobID, endpoint: str, leadership: Leadership) -> None:
        self._job_id = job_id
        self._endpoint = endpoint
        self._leadership = leadership

    async def publish(self, leader: LeaderInformation) -> bool:
        """Make it known, however long that takes. Returns whether this is a leader still."""
        try:
            await patiently(
                f"It cannot be made known that job {self._job_id} runs here",
                lambda: self._leadership.publish(self._endpoint, leader),
            )
        except LeadershipLostError as error:
            logger.info("Job %s does not begin here: %s", self._job_id, error)
            return False
        _PUBLISHED.reach()
        return True

    async def withdraw(self) -> None:
        """Nobody leads the job any more. Best effort."""
        if not self._leadership.is_valid:
            return
        try:
            await self._leadership.withdraw(self._endpoint)
        except MillstreamError as error:
            logger.info("Job %s seems to be led until the term ends: %s", self._job_id, error)
