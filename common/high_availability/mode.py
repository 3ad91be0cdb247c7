"""Whether a cluster has high availability: no more than its configuration says."""

from __future__ import annotations

from millstream.common.config import Configuration
from millstream.common.config.high_availability_options import HighAvailabilityOptions
from millstream.common.errors import ConfigurationError

__all__ = ["uses_zookeeper"]


def uses_zookeeper(configuration: Configuration) -> bool:
    """Whether several masters contend by ZooKeeper.

    :raises ConfigurationError: ``high-availability.type`` names something that there is not.
    """
    option = HighAvailabilityOptions.TYPE
    kind = configuration.get(option).strip()
    if kind.upper() in ("NONE", "STANDALONE"):
        return False
    if kind.upper() == "ZOOKEEPER":
        return True
    reason = "Kubernetes is not supported" if kind.upper() == "KUBERNETES" else "factories are not supported"
    raise ConfigurationError(f"{option.key}: {kind!r} is neither NONE nor zookeeper; {reason}.")
