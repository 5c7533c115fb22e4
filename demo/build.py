"""`build()` runs `sam build` once for each state of the sources, and gives the folder of the built template.

Builds are kept under `.local/builds`, by a hash of all that goes into them; the demo, the smoke test and the benchmark
share them. Functions are zipped here, once: SAM would do it at every deployment, which takes longer than all the rest.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Final

from demo.exclusive import exclusive
from demo.tools import LOCAL, ROOT, environment

BUILDS: Final = LOCAL / "builds"
KEPT_BUILDS: Final = 3
_SOURCES: Final = ("functions", "shared", "infra", "requirements", "Makefile", "samconfig.toml")


class BuildFailed(Exception):
    """`sam build` ended with an error; the message holds what it said."""


def sources_hash() -> str:
    """A digest of every file that a build depends on, by name and content."""
    digest = hashlib.sha256()
    for path in sorted(path for source in _SOURCES for path in _files(ROOT / source)):
        digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def build() -> Path:
    """The folder with `template.yaml` and a zip for each function, built from the sources as they are now.

    Raises `BuildFailed`.
    """
    wanted = BUILDS / sources_hash()
    with exclusive(BUILDS / "lock"):
        if not wanted.is_dir():
            making = BUILDS / "making"
            shutil.rmtree(making, ignore_errors=True)
            _sam_build(making / "built")
            _zip_functions(making / "built")
            making.rename(wanted)
        os.utime(wanted)
        by_age = sorted((path for path in BUILDS.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
        for old in by_age[:-KEPT_BUILDS]:
            shutil.rmtree(old, ignore_errors=True)
    return wanted / "built"


def _sam_build(target: Path) -> None:
    target.parent.mkdir(parents=True)
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        [environment("sam") / "sam", "build", "--build-dir", target],
        cwd=ROOT,
        env={**outside, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BuildFailed(f"sam build failed:\n{done.stdout}")


def _zip_functions(built: Path) -> None:
    """Replace each function's folder by a zip, in the template too."""
    template = built / "template.yaml"
    text = template.read_text()
    for folder in sorted(path for path in built.iterdir() if path.is_dir()):
        with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(path, path.relative_to(folder))
        shutil.rmtree(folder)
        text, found = re.subn(rf"(?m)^(\s+CodeUri: ){folder.name}$", rf"\g<1>{folder.name}.zip", text)
        if found != 1:
            raise BuildFailed(f"The built template has {found} functions with the code of {folder.name}.")
    template.write_text(text)


def _files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    return [path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
