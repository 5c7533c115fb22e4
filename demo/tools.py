"""Tools that need an environment of their own, since their pins contradict ours and each other's: `emulator` and `sam`.

`environment("sam")` gives the folder of its commands, and installs it first where it is missing or its requirements
changed. `python -m demo.tools sam` does the same from the Makefile.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Final

from demo.exclusive import exclusive

ROOT: Final = Path(__file__).resolve().parent.parent
LOCAL: Final = ROOT / ".local"


def environment(tool: str) -> Path:
    """The `bin` folder of a tool's environment, installed from `requirements/<tool>.txt` if need be.

    Raises `subprocess.CalledProcessError` if the installation fails; what is there is then not trusted next time.
    """
    requirements = ROOT / "requirements" / f"{tool}.txt"
    wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    place = LOCAL / "tools" / tool
    stamp = place / "installed-from"
    with exclusive(LOCAL / "tools" / f"{tool}.lock"):
        if not stamp.is_file() or stamp.read_text() != wanted:
            _install(requirements, place)
            stamp.write_text(wanted)
    return place / "bin"


def _install(requirements: Path, place: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    create: list[str | Path] = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, place]
    fill: list[str | Path] = [uv, "pip", "sync", "--quiet", "--python", place / "bin" / "python"]
    subprocess.run(create, check=True)
    subprocess.run([*fill, "--require-hashes", requirements], check=True)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        environment(name)
