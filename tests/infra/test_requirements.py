"""Every package is pinned by its content, from wherever the machine gets its packages."""

from __future__ import annotations

import re

import pytest

from tests.infra.template import FUNCTIONS, ROOT

FILES = sorted((ROOT / "requirements").glob("*.txt"))
RUNTIME = {"boto3", "botocore", "s3transfer"}
"""What Lambda brings along, so that no zip needs it."""


def _pins(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*])?==([^ ;\\]+)", text, re.MULTILINE))


def test_there_is_a_file_for_each_function_and_each_tool():
    assert {path.stem for path in FILES} == {*FUNCTIONS, "dev", "emulator", "sam"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_holds_exact_versions_with_hashes_and_nothing_else(path):
    entries = path.read_text().replace("\\\n", " ").splitlines()
    for entry in entries:
        assert re.fullmatch(r"[A-Za-z0-9._-]+(\[[^]]*])?==\S+( ;[^-]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", entry)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_names_no_package_index(path):
    assert not re.search(r"://|--index|--extra|--find-links|--trusted", path.read_text())


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_the_tests_run_on_the_versions_that_are_deployed(folder):
    developed = _pins("dev")
    assert {name: developed.get(name) for name in _pins(folder)} == _pins(folder)


@pytest.mark.parametrize("folder", FUNCTIONS)
def test_a_zip_does_not_carry_what_the_runtime_has(folder):
    assert not RUNTIME & set(_pins(folder))
