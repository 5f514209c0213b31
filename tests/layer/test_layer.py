"""What the layer's Makefile builds: light, for the platform asked for, and complete."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from local.deployment import ARCHITECTURE, RUNTIME
from local.ministack import PATH
from local.processes import ROOT

AARCH64 = 183
IN_THE_LAMBDA_RUNTIME = ["boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six.py", "urllib3"]


def build_layer(folder: Path, architecture: str, runtime: str) -> Path:
    environment = {**os.environ, "PATH": PATH, "UV_SYSTEM_CERTS": "1", "ARTIFACTS_DIR": str(folder)}
    settings = [f"ARCHITECTURE={architecture}", f"RUNTIME={runtime}"]
    subprocess.run(["make", "-s", "build-TrustpressLayer", *settings], cwd=ROOT / "layers" / "trustpress", env=environment, check=True)
    return folder / "python"


@pytest.fixture(scope="module")
def for_lambda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_layer(tmp_path_factory.mktemp("lambda"), "arm64", "python3.13")


@pytest.fixture(scope="module")
def for_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_layer(tmp_path_factory.mktemp("here"), ARCHITECTURE, RUNTIME)


def test_the_layer_is_at_most_20_megabytes(for_lambda: Path) -> None:
    assert sum(file.stat().st_size for file in for_lambda.rglob("*")) <= 20_000_000


def test_every_compiled_library_is_for_arm(for_lambda: Path) -> None:
    libraries = list(for_lambda.rglob("*.so"))
    assert libraries
    assert {struct.unpack_from("<H", library.read_bytes(), 18)[0] for library in libraries} == {AARCH64}


def test_the_runtime_brings_boto3(for_lambda: Path) -> None:
    assert not list(for_lambda.glob("boto*"))


def test_the_layer_comes_with_bytecode_that_needs_no_look_at_the_source(for_this_machine: Path) -> None:
    (compiled,) = (for_this_machine / "trustpress" / "publish" / "__pycache__").glob("publisher.*.pyc")
    (flags,) = struct.unpack_from("<I", compiled.read_bytes(), 4)
    assert flags == 0b01  # by hash, unchecked


@pytest.mark.parametrize("function", ["publish", "refresh", "expire", "watch"])
def test_a_function_finds_all_it_imports_in_the_layer_and_the_runtime(for_this_machine: Path, function: str, tmp_path: Path) -> None:
    installed = Path(boto3.__file__).parents[1]
    for name in IN_THE_LAMBDA_RUNTIME:
        (tmp_path / name).symlink_to(installed / name)
    paths = [str(ROOT / "functions" / function), str(for_this_machine), str(tmp_path)]
    program = f"import sys; sys.path[:0] = {paths}; import handler, trustpress.adapters.kms, jsonschema; handler.handler"
    subprocess.run([sys.executable, "-I", "-S", "-B", "-c", program], env={"AWS_DEFAULT_REGION": "us-east-1"}, check=True)
