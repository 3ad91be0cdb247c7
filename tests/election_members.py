"""Members of an election, for tests: services with a contender that notes what it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.high_availability.leader_information import LeaderInformation
from millstream.common.high_availability.leadership import Leadership
from millstream.common.high_availability.zookeeper.client import ZooKeeperClient
from millstream.common.high_availability.zookeeper.services import ZooKeeperServices
from millstream.common.ids import IdFactory, LeaderSessionId
from tests.zookeeper_contract import happens

__all__ = ["Member", "close_all", "configuration_for", "the_leader"]


def configuration_for(directory: Path, tolerant: bool = False, session_timeout: str = "4 s") -> Configuration:
    configuration = Configuration()
    configuration.set(HighAvailabilityOptions.STORAGE_DIR, str(directory))
    configuration.set(HighAvailabilityOptions.ZOOKEEPER_TOLERATE_SUSPENDED, tolerant)
    configuration.set_string(HighAvailabilityOptions.ZOOKEEPER_SESSION_TIMEOUT.key, session_timeout)
    return configuration


@dataclass
class Member:
    """A master's process, as far as the election goes.

    :ivar history: ``granted`` and ``revoked: <reason>``, as the contender was told.
    """

    name: str
    client: ZooKeeperClient
    services: ZooKeeperServices
    history: list[str] = field(default_factory=list)
    terms: list[Leadership] = field(default_factory=list)
    current: Leadership | None = None

    @staticmethod
    def begin(name: str, client: ZooKeeperClient, configuration: Configuration) -> Member:
        return Member(name, client, ZooKeeperServices(client, configuration, IdFactory(), lambda: f"{name}:6123"))

    @staticmethod
    async def join(name: str, client: ZooKeeperClient, configuration: Configuration) -> Member:
        member = Member.begin(name, client, configuration)
        await member.services.start()
        member.services.contend(member)
        return member

    def granted(self, leadership: Leadership) -> None:
        assert self.current is None, "two terms at once"
        self.history.append("granted")
        self.terms.append(leadership)
        self.current = leadership

    def revoked(self, reason: str) -> None:
        assert self.current is not None, "the end of a term that was not"
        self.history.append(f"revoked: {reason}")
        self.current = None

    @property
    def leads(self) -> bool:
        return self.current is not None and self.current.is_valid

    @property
    def term(self) -> Leadership:
        assert self.current is not None, f"{self.name} does not lead"
        return self.current

    def information(self, session_id: str) -> LeaderInformation:
        return LeaderInformation(f"{self.name}:6123", LeaderSessionId(session_id))


async def the_leader(*members: Member) -> Member:
    """Wait until exactly one of them leads."""
    await happens(lambda: sum(member.leads for member in members) == 1, "one of the members leads")
    return next(member for member in members if member.leads)


async def close_all(*members: Member) -> None:
    await asyncio.gather(*(member.services.close() for member in members))
