"""The gateway classes say what the services of ``proto/`` say."""

from __future__ import annotations

import inspect
import typing

import pytest

from millstream.common.rpc import gateways
from millstream.common.rpc.methods import method_at, methods_of
from millstream.common.wire import cluster_pb2

SERVICES = sorted(cluster_pb2.DESCRIPTOR.services_by_name)


def test_each_service_has_a_gateway_and_each_gateway_a_service() -> None:
    assert sorted(gateways.__all__) == SERVICES


@pytest.mark.parametrize("name", SERVICES)
def test_a_gateway_has_the_methods_of_its_service(name: str) -> None:
    gateway = getattr(gateways, name)
    declared = {
        method: inspect.get_annotations(function, eval_str=True)
        for method, function in vars(gateway).items()
        if inspect.iscoroutinefunction(function)
    }
    assert {method.name for method in methods_of(gateway)} == set(declared)
    for method in methods_of(gateway):
        assert typing.cast(object, declared[method.name]) == {
            "request": method.request_type,
            "return": method.response_type,
        }
        assert method_at(method.path) == method
        assert str(method) == f"{name}.{method.name}"


@pytest.mark.parametrize(
    "path", ["", "/", "/millstream.wire.DispatcherGateway/NoSuchMethod", "/grpc.health.v1.Health/Check", "SubmitJob"]
)
def test_other_paths_are_no_methods(path: str) -> None:
    assert method_at(path) is None
