"""Cold starts of the built functions under `awslambdaric`, against handlers that do as little as can be done.

Each function is built by the rules that `sam build` uses and started beside two bare handlers, in turns: one that
imports nothing, and one that imports the very third-party modules that the function has loaded by the time it asks
for work, and nothing of ours. The difference to the second is what this project's own code costs. The webhook
receiver is also given its first notification, with AWS answered on loopback.
"""

from __future__ import annotations

import json
import py_compile
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.runtime import LoopbackServer, RuntimeApi, Start, cold_start
from benchmarks.table import Claim, show
from demo.tools import LOCAL, ROOT

ROUNDS = 9
BOUND = 1.5
"""What a function may cost more than its libraries."""

FUNCTIONS = tuple(path.parent.name for path in sorted((ROOT / "functions").glob("*/handler.py")))
RECEIVER = "webhook_receiver"

LOADED = """
import importlib, json, sys
before = set(sys.modules)
importlib.import_module(sys.argv[1])
own = ("functions", "shared")
def place(module):
    return str(module.__dict__.get("__file__"))
print(json.dumps([
    name for name, module in sys.modules.items()
    if name not in before and name.partition(".")[0] not in own
    and ("site-packages" in place(module) or place(module).startswith(sys.argv[2]))
    and getattr(module.__dict__.get("__spec__"), "name", "") == name
]))
"""

DOES_NOTHING = "def lambda_handler(event, context):\n    return {}\n"
BARE_RECEIVER = """
import json, os
def lambda_handler(event, context):
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["NOTIFICATION_KEYS_SECRET"])
    json.loads(secret["SecretString"])
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["JOBS_QUEUE_URL"], MessageBody="{}", MessageGroupId="g", MessageDeduplicationId="d"
    )
    return {"statusCode": 202, "body": ""}
"""

KEY, CALENDAR, CHANNEL = "notification-key", "connection.calendar", "channel"


@dataclass(frozen=True, slots=True)
class Built:
    """A built function: its folder, with a bare handler (`bare.py`) beside it that loads the same libraries."""

    name: str
    folder: Path
    zipped_mb: float
    unzipped_mb: float

    @property
    def handler(self) -> str:
        return f"functions.{self.name}.handler.lambda_handler"


def run() -> list[Claim]:
    place = LOCAL / "benchmarks"
    shutil.rmtree(place, ignore_errors=True)
    built = [_build(name, place / name) for name in FUNCTIONS]
    empty = place / "empty"
    _write_handler(empty / "bare.py", DOES_NOTHING)
    with RuntimeApi() as api, aws_on_loopback() as aws:
        starts = _start_all(api, built, empty, _environment(aws))
        receiver = next(one for one in built if one.name == RECEIVER)
        answers = _first_answers(api, receiver, _environment(aws))
    shutil.rmtree(place)
    floor = median(start.init_ms for start in starts["nothing"])
    claims = _show_starts(built, starts, floor)
    return [*claims, _show_answers(answers)]


# --- building


def _build(name: str, folder: Path) -> Built:
    subprocess.run([sys.executable, ROOT / "infra" / "build.py", name, folder], check=True)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in files:
            zipped.write(path, path.relative_to(folder))
    unzipped = sum(path.stat().st_size for path in files)
    imports = "".join(f"import {module}\n" for module in _libraries_of(name, folder))
    _write_handler(folder / "bare.py", imports + (BARE_RECEIVER if name == RECEIVER else DOES_NOTHING))
    return Built(name, folder, archive.stat().st_size / 1e6, unzipped / 1e6)


def _libraries_of(name: str, folder: Path) -> list[str]:
    """The third-party modules that are loaded once the function's handler is, in that order."""
    command = [sys.executable, "-B", "-c", LOADED, f"functions.{name}.handler", str(folder)]
    environment = {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return [str(module) for module in json.loads(done.stdout)]


def _write_handler(path: Path, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    py_compile.compile(str(path), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


# --- starting


def _start_all(
    api: RuntimeApi, built: list[Built], empty: Path, environment: Mapping[str, str]
) -> dict[str, list[Start]]:
    """By `nothing`, the name of each function, and `bare` with that name."""
    starts: dict[str, list[Start]] = {}
    for _ in range(ROUNDS):
        starts.setdefault("nothing", []).append(cold_start(api, empty, "bare.lambda_handler", environment))
        for one in built:
            bare = cold_start(api, one.folder, "bare.lambda_handler", environment)
            starts.setdefault(f"bare {one.name}", []).append(bare)
            starts.setdefault(one.name, []).append(cold_start(api, one.folder, one.handler, environment))
    return starts


def _first_answers(api: RuntimeApi, receiver: Built, environment: Mapping[str, str]) -> dict[str, list[float]]:
    """Milliseconds from the start of the process to the answer to its first notification."""
    from shared.notifications import PURPOSE, token_for
    from shared.signing import Keyring

    headers = {
        "x-goog-channel-id": CHANNEL,
        "x-goog-resource-state": "exists",
        "x-goog-channel-token": token_for(CALENDAR, CHANNEL, Keyring([KEY.encode()], PURPOSE)),
    }
    event = {"pathParameters": {"provider": "google"}, "headers": headers, "body": None, "isBase64Encoded": False}
    answers: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(ROUNDS):
        for name, handler in (("bare", "bare.lambda_handler"), ("ours", receiver.handler)):
            answers[name].append(cold_start(api, receiver.folder, handler, environment, event).answered_ms)
    return answers


def _environment(aws: str) -> dict[str, str]:
    """Credentials that open nothing, and an AWS that only knows what a webhook receiver asks."""
    return {
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "benchmark",
        "AWS_SECRET_ACCESS_KEY": "benchmark",
        "AWS_ENDPOINT_URL": aws,
        "POWERTOOLS_TRACE_DISABLED": "true",
        "JOBS_QUEUE_URL": f"{aws}/123456789012/jobs.fifo",
        "NOTIFICATION_KEYS_SECRET": "notification-keys",
    }


@contextmanager
def aws_on_loopback() -> Iterator[str]:
    """Secrets Manager with one secret, SQS that takes everything; the address."""
    server = LoopbackServer(("127.0.0.1", 0), _Aws)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Aws(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        secret = {"Name": "notification-keys", "SecretString": json.dumps({"current": KEY})}
        asked = self.headers.get("X-Amz-Target", "")
        body = json.dumps(secret if asked.endswith("GetSecretValue") else {"MessageId": "message"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


# --- showing


def _show_starts(built: list[Built], starts: dict[str, list[Start]], floor: float) -> list[Claim]:
    rows: list[list[object]] = []
    worst = 0.0
    for one in built:
        bare, ours = starts[f"bare {one.name}"], starts[one.name]
        bare_ms, ours_ms = (median(start.init_ms for start in found) for found in (bare, ours))
        ratio = _paired([start.init_ms for start in ours], [start.init_ms for start in bare])
        bare_mb, ours_mb = (median(start.resident_mb for start in found) for found in (bare, ours))
        worst = max(worst, ratio)
        ms = [round(floor), round(bare_ms), round(ours_ms), ratio]
        rows.append([one.name, *ms, round(bare_mb), round(ours_mb), round(one.zipped_mb, 1), round(one.unzipped_mb, 1)])
    show(
        f"Cold start, from spawn to the first question for work: ms, median of {ROUNDS}",
        [
            "function",
            "nothing",
            "libraries",
            "function",
            "ratio",
            "libraries MB",
            "function MB",
            "zip MB",
            "unzipped MB",
        ],
        rows,
        [
            "",
            "libraries: a handler that only imports the same third-party modules. Providers load when first used.",
        ],
    )
    return [Claim(f"no cold start costs more than {worst:.2f} × its libraries ({BOUND:g} allowed)", worst <= BOUND)]


def _show_answers(answers: dict[str, list[float]]) -> Claim:
    bare, ours = median(answers["bare"]), median(answers["ours"])
    ratio = _paired(answers["ours"], answers["bare"])
    show(
        f"The webhook receiver's first notification, from spawn to its answer: ms, median of {ROUNDS}",
        ["", "ms", "ratio"],
        [["bare: read the secret, send one message", round(bare), 1.0], ["the function", round(ours), ratio]],
    )
    return Claim(f"a notification that finds no warm receiver waits {ratio:.2f} × the least", ratio <= BOUND)


def _paired(ours: Sequence[float], bare: Sequence[float]) -> float:
    """The median of the ratios of neighbours: what else this machine does slows both of a pair."""
    return median(one / other for one, other in zip(ours, bare, strict=True))
