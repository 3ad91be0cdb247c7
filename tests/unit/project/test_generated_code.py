"""The code that protoc generates: current, like the gateways, and left alone by the style checks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from google.protobuf import message_factory

from millstream.common.rpc import gateways
from millstream.common.wire import cluster_pb2
from tests.unit.project.checkout import ROOT

_PROTOS = sorted((ROOT / "proto").rglob("*.proto"))
_SERVICES = cluster_pb2.DESCRIPTOR.services_by_name


def test_the_generated_code_is_current(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}"]
    outputs = [f"--python_out={tmp_path}", f"--pyi_out={tmp_path}"]
    subprocess.run([*command, *outputs, *map(str, _PROTOS)], check=True, timeout=60)
    generated = {path.name: path.read_text() for path in tmp_path.rglob("*_pb2.py*")}
    present = {path.name: path.read_text() for path in (ROOT / "common" / "wire").glob("*_pb2.py*")}
    assert sorted(present) == sorted(generated)
    stale = [name for name, text in generated.items() if present[name] != text]
    assert stale == [], "run `make proto`"


def test_there_is_a_gateway_for_each_service() -> None:
    assert sorted(gateways.__all__) == sorted(_SERVICES)


@pytest.mark.parametrize("service", sorted(_SERVICES))
def test_a_gateway_has_the_methods_of_its_service(service: str) -> None:
    gateway = getattr(gateways, service)
    declared = {name for name in vars(gateway) if not name.startswith("_")}
    methods = {_snake(method.name): method for method in _SERVICES[service].methods}
    assert declared == set(methods)
    for name, method in methods.items():
        hints = get_type_hints(getattr(gateway, name))
        assert hints["request"] is message_factory.GetMessageClass(method.input_type), name
        assert hints["return"] is message_factory.GetMessageClass(method.output_type), name


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_style_checks_leave_generated_code_alone() -> None:
    command = [sys.executable, "-m", "ruff", "check", "--show-files", "common"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
    assert "value_kind.py" in shown
    assert "_pb2" not in shown
