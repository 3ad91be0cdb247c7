"""The JobMaster: runs one job."""

from __future__ import annotations

from millstream.jobmanager.job_master.job_master import JobMaster

__all__ = ["JobMaster"]
