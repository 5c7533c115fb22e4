"""Each zip must work with nothing beside it but what Lambda's runtime brings.

The emulator runs functions with its own packages in sight, so a dependency that a zip lacks shows nowhere else.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.infra.template import FUNCTIONS, ROOT

IMPORT_ALL = """
import importlib, pkgutil, sys
build, runtime, handler, *packages = sys.argv[1:]
sys.path[:] = [build, *sys.path, runtime]
names = [handler]
for package in packages:
    path = importlib.import_module(package).__path__
    names += [found.name for found in pkgutil.walk_packages(path, package + ".")]
for name in names:
    importlib.import_module(name)
strangers = [m.__name__ for m in list(sys.modules.values()) if not (getattr(m, "__file__", None) or build).startswith(
    (build, runtime, sys.base_prefix))]
assert not strangers, strangers
assert callable(importlib.import_module(handler).lambda_handler)
"""

IMPORTED_WHEN_NEEDED = {
    "api": ["shared.store", "shared.providers"],
    "deliver_webhooks": [],
    "oauth_callback": ["shared.store", "shared.providers"],
    "renew_subscriptions": ["shared.store", "shared.providers"],
    "sync_worker": ["shared.store", "shared.providers", "shared.sync", "shared.calendar"],
    "webhook_receiver": [],
}
"""Packages whose modules a function may import late, which importing its handler alone would not show."""


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> dict[str, Path]:
    """Folder of each built function, made by the rules that SAM calls."""
    place = tmp_path_factory.mktemp("built")
    outside = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    for folder, logical_id in FUNCTIONS.items():
        make = ["make", "--no-print-directory", f"build-{logical_id}", f"ARTIFACTS_DIR={place / folder}"]
        done = subprocess.run(make, cwd=ROOT, env=outside, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return {folder: place / folder for folder in FUNCTIONS}


@pytest.fixture(scope="session")
def runtime(tmp_path_factory) -> Path:
    """A folder with boto3 and what it needs, as in Lambda's runtime, and nothing else."""
    place = tmp_path_factory.mktemp("runtime")
    brought = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
    pinned = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "requirements" / "dev.txt").read_text())
    chosen = place / "runtime.txt"
    chosen.write_text("\n".join(entry for entry in pinned if entry.partition("==")[0] in brought))
    uv = [Path(sys.executable).with_name("uv"), "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    subprocess.run([*uv, "--target", place, "--requirements", chosen], check=True)
    return place


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_built_function_imports_with_only_boto3_beside_it(folder, built, runtime):
    arguments = [built[folder], runtime, f"functions.{folder}.handler", *IMPORTED_WHEN_NEEDED[folder]]
    python = [sys.executable, "-I", "-S", "-B", "-c", IMPORT_ALL]
    done = subprocess.run([*python, *arguments], cwd="/", env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_zip_carries_no_other_function_and_nothing_that_is_not_deployed(folder, built):
    assert {path.name for path in (built[folder] / "functions").iterdir()} == {"__init__.py", "__pycache__", folder}
    strangers = {"tests", "demo", "simulators", "docs", "infra", "web", "bin", "boto3", "botocore"}
    assert not strangers & {path.name for path in built[folder].iterdir()}


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_cold_start_compiles_nothing(folder, built):
    sources = [path for path in built[folder].rglob("*.py") if path.is_relative_to(built[folder] / "shared")]
    sources += (built[folder] / "aws_lambda_powertools").rglob("*.py")
    assert sources
    for source in sources:
        compiled = source.parent / "__pycache__" / f"{source.stem}.cpython-311.pyc"
        assert int.from_bytes(compiled.read_bytes()[4:8], "little") == 0b01  # PEP 552: hash-based, never checked


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_zip_is_far_below_what_lambda_takes(folder, built):
    unpacked = sum(path.stat().st_size for path in built[folder].rglob("*") if path.is_file())
    assert unpacked < 80_000_000  # Lambda's limit is 250 MB; more would show in the cold start first
