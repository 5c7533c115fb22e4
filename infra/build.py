"""Put together what one function's zip holds: `python infra/build.py FUNCTION TARGET`.

SAM calls it through the Makefile. A zip holds the function's own folder, `shared/`, and the packages of
`requirements/<function>.txt`; boto3 comes with Lambda's runtime. The packages are kept under `.local/packages`, by a
hash of what made them, so that a second build only copies.

Bytecode goes along, in the form that is never compared with its source (PEP 552, unchecked): Lambda's disk is
read-only, so without it every cold start compiles every import again, which costs the API about three times what
the imports themselves cost. It depends on nothing but source and Python version, so equal sources give equal zips.
"""

from __future__ import annotations

import compileall
import hashlib
import os
import py_compile
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".local" / "packages"
GOOGLE_DOCUMENTS = Path("googleapiclient/discovery_cache/documents")
"""110 MB of descriptions of every Google API, of which one is used."""


def build(function: str, target: Path) -> None:
    """Fill `target`, which need not exist; whatever it held before is gone."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(_packages(function), target, copy_function=_link)
    for source in (f"functions/{function}", "shared"):
        shutil.copytree(ROOT / source, target / source, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "functions" / "__init__.py", target / "functions" / "__init__.py")
    for folder in ("functions", "shared"):
        _compile(target / folder, target)


def _packages(function: str) -> Path:
    requirements = ROOT / "requirements" / f"{function}.txt"
    recipe = [requirements.read_bytes(), Path(__file__).read_bytes(), sys.version.encode()]
    kept = KEPT / hashlib.sha256(b"\0".join(recipe)).hexdigest()[:16]
    if not kept.is_dir():
        KEPT.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT, prefix=".making-") as workplace:
            made = Path(workplace) / "packages"
            _install(requirements, made)
            _prune(made)
            _compile(made, made)
            try:
                made.rename(kept)
            except OSError:  # a build of another function with equal requirements was faster
                if not kept.is_dir():
                    raise
    return kept


def _install(requirements: Path, target: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--link-mode", "copy"]
    platform = ["--python-platform", "x86_64-manylinux2014", "--python-version", "3.11"]
    command: list[str | Path] = [
        uv,
        "pip",
        "install",
        "--quiet",
        *options,
        *platform,
        "--target",
        target,
        "--requirements",
        requirements,
    ]
    subprocess.run(command, check=True)  # noqa: S603 (the arguments are this project's own)


def _prune(packages: Path) -> None:
    shutil.rmtree(packages / "bin", ignore_errors=True)
    (packages / ".lock").unlink(missing_ok=True)
    for folder in [*packages.rglob("__pycache__"), *packages.rglob("tests")]:
        shutil.rmtree(folder, ignore_errors=True)
    for recorded in [*packages.glob("*.dist-info/RECORD"), *packages.glob("*.dist-info/INSTALLER")]:
        recorded.unlink()
    for document in (packages / GOOGLE_DOCUMENTS).glob("*.json"):
        if document.name != "calendar.v3.json":
            document.unlink()


def _link(source: str, target: str) -> None:
    """One file in two places: what was built is read, never written."""
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def _compile(folder: Path, root: Path) -> None:
    """Tracebacks name files as Lambda sees them."""
    compileall.compile_dir(
        str(folder),
        quiet=2,
        stripdir=str(root),
        prependdir="/var/task",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
        workers=1,
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: build.py FUNCTION TARGET")
    os.umask(0o022)
    build(sys.argv[1], Path(sys.argv[2]))
