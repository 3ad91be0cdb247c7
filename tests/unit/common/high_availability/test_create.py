"""Which services a configuration asks for, and what is said of one that does not fit."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys

import pytest

from millstream.common.config import Configuration
from millstream.common.config.secret import shown
from millstream.common.errors import ConfigurationError
from millstream.common.high_availability.create import create_high_availability_services, create_leader_directory
from millstream.common.high_availability.services import HighAvailabilityServices
from millstream.common.ids import IdFactory
from millstream.common.rpc.in_process import InProcessNetwork, InProcessRpcService

PREFIX = "high-availability."
ZOOKEEPER = {
    "type": "zookeeper",
    "zookeeper.quorum": "host1:2181,host2:2181",
    "storageDir": "file:///tmp/ha",
}


def configured(**changes: str | None) -> Configuration:
    """A configuration of ZooKeeper with changes: of each key that ends so (``_`` for ``.``), ``None`` for none."""
    settings: dict[str, str] = dict(ZOOKEEPER)
    for name, value in changes.items():
        key = name.replace("__", "-").replace("_", ".")
        if value is None:
            del settings[key]
        else:
            settings[key] = value
    return Configuration.from_map({PREFIX + key: value for key, value in settings.items()})


def create(configuration: Configuration) -> HighAvailabilityServices:
    """Make services and close them."""

    async def body() -> HighAvailabilityServices:
        rpc = InProcessRpcService(InProcessNetwork(), "master", Configuration())
        services = create_high_availability_services(configuration, rpc, IdFactory(random.Random(0)))
        assert services.leaders.description
        await services.close()
        await services.close()
        return services

    return asyncio.run(body())


@pytest.mark.parametrize("kind", [None, "NONE", "none", "standalone"])
def test_without_high_availability_the_master_is_alone(kind: str | None) -> None:
    services = create(Configuration() if kind is None else configured(type=kind))
    assert not services.survives_its_leader
    assert services.default_checkpoint_directory is None


@pytest.mark.parametrize("kind", ["zookeeper", "ZOOKEEPER", " ZooKeeper "])
def test_with_zookeeper_others_go_on_and_checkpoints_have_a_place(kind: str) -> None:
    services = create(configured(type=kind))
    assert services.survives_its_leader
    assert services.default_checkpoint_directory == "file:///tmp/ha/default/checkpoints"
    assert services.leaders.description == "ZooKeeper at host1:2181,host2:2181 (/flink/default)"


def test_flinks_former_keys_are_understood() -> None:
    configuration = Configuration.from_map(
        {
            "high-availability": "zookeeper",
            "high-availability.zookeeper.quorum": "address1:2181, address2 ,[::1]:2182",
            "high-availability.zookeeper.storageDir": "file:///tmp/ha",
            "high-availability.zookeeper.path.namespace": "orders",
            "high-availability.zookeeper.path.root": "/",
        }
    )
    described = create(configuration).leaders.description
    assert described == "ZooKeeper at address1:2181,address2:2181,[::1]:2182 (/orders)"


def test_a_quorum_may_name_a_node_to_begin_at() -> None:
    described = create(configured(zookeeper_quorum="host1:2181/shared/by all/")).leaders.description
    assert described == "ZooKeeper at host1:2181 (/shared/by all/flink/default)"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": "kubernetes"}, r"high-availability\.type: 'kubernetes' .*Kubernetes is not supported"),
        ({"type": "org.example.HaFactory"}, r"high-availability\.type: .*factories are not supported"),
        ({"zookeeper_quorum": None}, r"high-availability\.zookeeper\.quorum is not set, .*such as host1:2181"),
        ({"zookeeper_quorum": " "}, r"high-availability\.zookeeper\.quorum is not set"),
        ({"zookeeper_quorum": "host:port"}, r"high-availability\.zookeeper\.quorum: 'host:port' is no server"),
        ({"zookeeper_quorum": "host:0"}, r"high-availability\.zookeeper\.quorum: 'host:0' is no server"),
        ({"zookeeper_quorum": ",,/x"}, r"high-availability\.zookeeper\.quorum: .* names no server"),
        ({"storageDir": None}, r"high-availability\.storageDir is not set; name a directory"),
        ({"cluster__id": "/"}, r"high-availability\.cluster-id: "),
        ({"zookeeper_path_jobgraphs": "/leader"}, r"high-availability\.zookeeper\.path\.jobgraphs: "),
        ({"zookeeper_client_acl": "creator"}, r"client\.authorization, such as digest:user:password"),
        ({"zookeeper_client_session__timeout": "0 s"}, r"client\.session-timeout must be longer than 0"),
        ({"zookeeper_client_connection__timeout": "0"}, r"client\.connection-timeout must be longer than 0"),
        ({"zookeeper_client_acl": "nobody"}, r"high-availability\.zookeeper\.client\.acl"),
    ],
)
def test_what_does_not_fit_is_told_with_the_key(changes: dict[str, str | None], told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        create(configured(**changes))


def test_a_creator_has_a_credential_which_is_not_shown() -> None:
    key = "high-availability.zookeeper.client.authorization"
    configuration = configured(zookeeper_client_acl="creator", zookeeper_client_authorization="digest:me:my secret")
    create(configuration)
    assert "my secret" not in str(configuration)
    assert shown(key, "digest:me:my secret") == "******"


def test_without_high_availability_the_directory_is_the_configured_address() -> None:
    async def body() -> None:
        rpc = InProcessRpcService(InProcessNetwork(), "client", Configuration())
        configuration = Configuration.from_map({"jobmanager.rpc.address": "master", "jobmanager.rpc.port": "7000"})
        directory = await create_leader_directory(configuration, rpc)
        assert directory.description == "master:7000"
        await directory.close()

    asyncio.run(body())


def test_kazoo_is_imported_only_for_zookeeper() -> None:
    program = (
        "import sys, millstream.dispatcher.main, millstream.taskmanager.main, millstream.client.cli.main;"
        " sys.exit('kazoo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == 0
