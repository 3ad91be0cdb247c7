"""Settings and the making of environments."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from millstream.common import Configuration, ExecutionConfig
from millstream.common.errors import InvalidProgramError
from millstream.datastream import MemorySize, SlotSharingGroup, StreamExecutionEnvironment
from tests.unit.datastream.conftest import RecordingExecutor


def test_parallelism_comes_from_program_then_configuration_then_cluster(executor: RecordingExecutor) -> None:
    get = StreamExecutionEnvironment.get_execution_environment
    assert get().get_parallelism() == executor.parallelism
    configured = get(Configuration().set_string("parallelism.default", "7"))
    assert configured.get_parallelism() == 7
    assert configured.set_parallelism(3).get_parallelism() == 3
    assert configured.set_parallelism(-1).get_parallelism() == executor.parallelism


def test_settings(env: StreamExecutionEnvironment) -> None:
    assert env.get_max_parallelism() == -1
    assert env.set_max_parallelism(12).get_max_parallelism() == 12
    assert env.get_buffer_timeout() == 100
    assert env.set_buffer_timeout(0).get_buffer_timeout() == 0
    assert env.set_buffer_timeout(-1).get_buffer_timeout() == -1
    assert env.set_buffer_timeout(5).get_buffer_timeout() == 5
    assert env.is_chaining_enabled()
    assert not env.disable_operator_chaining().is_chaining_enabled()
    with pytest.raises(ValueError, match="buffer timeout"):
        env.set_buffer_timeout(-2)
    env.configure(Configuration().set_string("execution.buffer-timeout.interval", "2 s"))
    assert env.get_buffer_timeout() == 2000


def test_execution_config_and_environment_are_one(env: StreamExecutionEnvironment) -> None:
    config = env.get_config()
    assert config.get_parallelism() == ExecutionConfig.PARALLELISM_DEFAULT
    env.set_parallelism(3)
    assert config.get_parallelism() == 3
    config.set_max_parallelism(9)
    assert env.get_max_parallelism() == 9
    assert config.get_auto_watermark_interval() == 200
    assert config.set_auto_watermark_interval(50).get_auto_watermark_interval() == 50
    assert config.set_global_job_parameters({"a": 1}).get_global_job_parameters() == {"a": "1"}
    assert config.get_task_cancellation_interval() == 30_000
    assert config.set_task_cancellation_timeout(10).get_task_cancellation_timeout() == 10
    assert config.enable_object_reuse().is_object_reuse_enabled()
    assert config.has_auto_generated_uids_enabled()
    with pytest.raises(ValueError, match="at least 1"):
        config.set_parallelism(0)


def test_local_and_remote_environments() -> None:
    local = StreamExecutionEnvironment.create_local_environment(3)
    assert local.get_parallelism() == 3
    local.from_sequence(1, 2).print()
    assert local.get_job_graph().python_path
    remote = StreamExecutionEnvironment.create_remote_environment("master", 6123).set_parallelism(2)
    remote.from_sequence(1, 2).print()
    assert not remote.get_job_graph().python_path


def test_python_files_travel_with_the_job(env: StreamExecutionEnvironment, tmp_path: Path) -> None:
    module = tmp_path / "one.py"
    module.write_text("A = 1\n")
    package = tmp_path / "pack"
    (package / "below").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "below" / "data.txt").write_text("x")
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "two.py").write_text("B = 2\n")
    for path in (module, package, folder, module):
        env.add_python_file(str(path))
    env.from_sequence(1, 2).print()
    artifacts = env.get_job_graph().artifacts
    assert [(each.name, each.kind) for each in artifacts] == [
        ("one.py", "py"),
        ("pack.zip", "zip"),
        ("folder.zip", "zip"),
    ]
    names = [zipfile.ZipFile(BytesIO(each.content)).namelist() for each in artifacts[1:]]
    assert names == [["pack/__init__.py", "pack/below/data.txt"], ["two.py"]]
    again = env.get_job_graph().artifacts
    assert [each.sha256 for each in again] == [each.sha256 for each in artifacts]


def test_archives_travel_with_the_job(env: StreamExecutionEnvironment, tmp_path: Path) -> None:
    packed = tmp_path / "data.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("prices.csv", "a,1")
    env.add_python_archive(str(packed))
    env.add_python_archive(str(packed), "prices")
    env.add_python_archive(str(packed), "prices")
    env.from_sequence(1, 2).print()
    artifacts = env.get_job_graph().artifacts
    assert [(each.name, each.kind, each.target_dir) for each in artifacts] == [
        ("data.zip", "archive", "data.zip"),
        ("data.zip", "archive", "prices"),
    ]
    assert artifacts[0].content == packed.read_bytes()


@pytest.mark.parametrize("target_dir", ["", ".", "..", "../data", "/data", "a/b"])
def test_archives_stay_in_their_directory(env: StreamExecutionEnvironment, tmp_path: Path, target_dir: str) -> None:
    packed = tmp_path / "data.zip"
    packed.write_bytes(b"x")
    with pytest.raises(InvalidProgramError, match="is not the plain name of a directory") as caught:
        env.add_python_archive(str(packed), target_dir)
    assert str(caught.value).startswith(f"{__file__}:")


def test_what_is_no_archive_is_refused(env: StreamExecutionEnvironment, tmp_path: Path) -> None:
    with pytest.raises(InvalidProgramError, match="does not exist"):
        env.add_python_archive(str(tmp_path / "nothing.zip"))
    with pytest.raises(InvalidProgramError, match="is a directory; pack it"):
        env.add_python_archive(str(tmp_path))
    text = tmp_path / "text.zip"
    text.write_text("hello")
    env.add_python_archive(str(text))
    env.from_sequence(1, 2).print()
    with pytest.raises(InvalidProgramError, match=r"text.zip' is neither a zip nor a tar"):
        env.get_job_graph()


def test_files_that_are_too_large_to_travel_are_refused(env: StreamExecutionEnvironment, tmp_path: Path) -> None:
    for name, size in (("small.py", 500), ("large.py", 700)):
        (tmp_path / name).write_text("#" * size)
        env.add_python_file(str(tmp_path / name))
    env.configure(Configuration().set_string("pekko.framesize", "1 kb"))
    env.from_sequence(1, 2).print()
    with pytest.raises(InvalidProgramError, match=r"1,200 bytes long, .*pekko.framesize .*'large.py' with 700"):
        env.get_job_graph()


def test_programs_with_java_types_and_requirements_run(
    env: StreamExecutionEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    env.register_type("org.example.Pojo")
    assert env.get_config().get_registered_pojo_types() == ["org.example.Pojo"]
    env.set_python_requirements("requirements.txt")
    assert "install 'requirements.txt' into the environment of the TaskManagers" in caplog.text


def test_slot_sharing_groups() -> None:
    group = SlotSharingGroup.builder("g").set_cpu_cores(1.5).set_task_heap_memory_mb(100).build()
    assert (group.get_name(), group.get_cpu_cores()) == ("g", 1.5)
    assert group.get_task_heap_memory() == MemorySize.of_mebi_bytes(100)
    assert group.get_external_resources() == {}
    with pytest.raises(ValueError, match="memory must be positive"):
        SlotSharingGroup.builder("g").set_cpu_cores(1).set_task_heap_memory(MemorySize(bytes_size=0)).build()
    with pytest.raises(ValueError, match="positive"):
        SlotSharingGroup.builder("g").set_cpu_cores(0)
    with pytest.raises(ValueError, match="set_cpu_cores"):
        SlotSharingGroup.builder("g").set_managed_memory_mb(1).build()


@pytest.mark.parametrize(
    "program", ["import millstream.datastream", "from millstream.datastream import StreamExecutionEnvironment"]
)
def test_imports_are_cheap(program: str) -> None:
    check = (
        f"import sys; {program}; print(*(m for m in ('grpc', 'click', 'cloudpickle', 'asyncio') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("package", ["millstream.common", "millstream.datastream"])
def test_every_exported_name_is_there(package: str) -> None:
    check = f"import {package} as p; [getattr(p, n) for n in p.__all__]; assert set(p.__all__) <= set(dir(p))"
    subprocess.run([sys.executable, "-c", check], timeout=60, check=True)
