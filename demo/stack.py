"""The AWS side of Lockstep on this machine: the template, deployed by SAM to an emulator that we start and stop.

    with Stack(stage="demo", state_dir=Path(".local/demo"), parameters={"Issuer": ...}, persist=True) as stack:
        stack.api_url                      # http://127.0.0.1:PORT/_aws/execute-api/ID/$default
        stack.outputs["ConnectionsTable"]  # outputs of the template
        stack.client("dynamodb")           # boto3, as the account's root
        stack.invoke("RenewSubscriptionsFunction", {})
        stack.logs("SyncWorkerFunction")   # what a function printed, oldest line first

`parameters` are the template's. Stage and DeletionProtection are set here. Several stacks run side by side if their
state directories differ; a second one on the same directory raises `InUse`. With `persist`, tables and the rest
survive a stop, and a start with unchanged sources and parameters neither builds nor deploys.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, Self

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from demo.build import build, sources_hash
from demo.exclusive import exclusive
from demo.processes import LOOPBACK, DidNotStart, answers, command_of, free_port, running, stop_group, wait_until
from demo.tools import ROOT, environment

REGION: Final = "us-east-1"
ARTIFACTS: Final = "lockstep-artifacts"
_ROOT_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_COMPLETE: Final = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


class DeployFailed(Exception):
    """`sam deploy` ended with an error; the message holds what it said."""


class Stack:
    """One emulator with one deployment. Made for `with`; see the module for what it offers inside.

    `port` 0 takes the port of the last start if it is free, else any free one. `tell` hears what takes long.
    """

    def __init__(
        self,
        *,
        stage: str,
        state_dir: Path,
        parameters: Mapping[str, str],
        port: int = 0,
        persist: bool = False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.stage = stage
        self.state_dir = state_dir.resolve()
        self.parameters = {"DeletionProtection": "false", **parameters, "Stage": stage}
        self.persist = persist
        self.port = port
        self.outputs: Mapping[str, str] = {}
        self._tell = tell
        self._open = ExitStack()

    @property
    def name(self) -> str:
        """The name of the CloudFormation stack."""
        return f"lockstep-{self.stage}"

    @property
    def endpoint(self) -> str:
        """Where every AWS service answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def api_url(self) -> str:
        """The base of the REST API's paths."""
        return f"{self.endpoint}/_aws/execute-api/{self.outputs['ApiId']}/$default"

    @property
    def emulator_log(self) -> Path:
        """What the emulator prints, with the output of functions that SQS or the schedule invoked."""
        return self.state_dir / "emulator.log"

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(exclusive(self.state_dir / "lock", wait=False))
            self._start_emulator(opening)
            self._bring_up_to_date()
            self._open = opening.pop_all()
        return self

    def __exit__(self, *reason: object) -> None:
        self._open.close()

    def client(self, service: str) -> Any:
        """A boto3 client with the rights of the account's root."""
        config = Config(retries={"mode": "standard", "max_attempts": 3})
        return _session().client(service, endpoint_url=self.endpoint, config=config)  # type: ignore[call-overload]

    def invoke(self, function: str, payload: object) -> Any:
        """Call a function by the name of its output and wait. Raises `RuntimeError` with what it raised."""
        answer = self.client("lambda").invoke(FunctionName=self.outputs[function], Payload=json.dumps(payload))
        result = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise RuntimeError(f"{function}: {result}")
        return result

    def logs(self, function: str, *, since_ms: int = 0) -> list[str]:
        """The lines that a function printed since a time (milliseconds of the epoch), oldest first."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = f"/aws/lambda/{self.outputs[function]}"
        events = [e for page in pages.paginate(logGroupName=group, startTime=since_ms) for e in page["events"]]
        return [event["message"].rstrip("\n") for event in sorted(events, key=lambda event: int(event["timestamp"]))]

    def _start_emulator(self, opening: ExitStack) -> None:
        self._stop_leftover()
        before = self._remembered()
        if not self.persist or before.get("emulator") != _emulator_hash():
            shutil.rmtree(self.state_dir / "emulator", ignore_errors=True)
        self.port = self.port or free_port(int(before.get("port", 0)))
        scratch = self.state_dir / "tmp"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        command = [environment("emulator") / "ministack"]
        process = opening.enter_context(running(command, self._emulator_environment(scratch), self.emulator_log))
        self._remember(port=self.port, pid=process.pid, emulator=_emulator_hash())
        try:
            wait_until(lambda: answers(f"{self.endpoint}/_ministack/health"), "The emulator", process=process)
        except DidNotStart as reason:
            raise DidNotStart(f"{reason} Its log: {self.emulator_log}") from None

    def _emulator_environment(self, scratch: Path) -> dict[str, str]:
        """Nothing of the caller's environment but where programs are: functions inherit what the emulator has."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            **_ROOT_CREDENTIALS,
            "AWS_DEFAULT_REGION": REGION,
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": LOOPBACK,
            "AUTH": "true",
            "LAMBDA_EXECUTOR": "local",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "PERSIST_STATE": "1" if self.persist else "0",
            "STATE_DIR": str(self.state_dir / "emulator"),
        }

    def _bring_up_to_date(self) -> None:
        wanted = hashlib.sha256(
            json.dumps([sources_hash(), self.port, self.parameters], sort_keys=True).encode()
        ).hexdigest()
        if self._remembered().get("deployed") != wanted or not self._is_deployed():
            self._tell("Building the functions (the first time takes a minute).")
            built = build()
            self._tell("Deploying the template.")
            self._deploy(built)
            self._remember(deployed=wanted)
        self.outputs = self._read_outputs()

    def _deploy(self, built: Path) -> None:
        self._remember(deployed=None)
        self.client("s3").create_bucket(Bucket=ARTIFACTS)
        options = ["--stack-name", self.name, "--s3-bucket", ARTIFACTS, "--capabilities", "CAPABILITY_IAM"]
        quietly = ["--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"]
        # Empty values too: SAM keeps the last value of a parameter that is left out.
        overrides = [f"{key}={json.dumps(value)}" for key, value in self.parameters.items()]
        sam: list[str | Path] = [environment("sam") / "sam", "deploy", "--template-file", built / "template.yaml"]
        done = subprocess.run(
            [*sam, *options, *quietly, "--parameter-overrides", *overrides],
            cwd=self.state_dir,  # where no samconfig.toml says where else to deploy to
            env={
                "PATH": os.environ.get("PATH", os.defpath),
                "HOME": str(self.state_dir / "tmp"),
                "LANG": "C.UTF-8",
                **_ROOT_CREDENTIALS,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ENDPOINT_URL": self.endpoint,
                "SAM_CLI_TELEMETRY": "0",
                "SAM_CLI_POLL_DELAY": "0.2",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        (self.state_dir / "deploy.log").write_text(done.stdout)
        if done.returncode or not self._is_deployed():
            raise DeployFailed(f"sam deploy failed:\n{done.stdout}")

    def _is_deployed(self) -> bool:
        try:
            found = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        except ClientError:
            return False
        return bool(found) and found[0]["StackStatus"] in _COMPLETE

    def _read_outputs(self) -> dict[str, str]:
        (found,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def _stop_leftover(self) -> None:
        """End the emulator of a start that was killed before it could: we hold the lock, so nobody uses it."""
        pid = int(self._remembered().get("pid") or 0)
        if pid and str(environment("emulator")) in command_of(pid):
            stop_group(pid, patience_s=20)

    def _remembered(self) -> dict[str, Any]:
        try:
            remembered: dict[str, Any] = json.loads((self.state_dir / "stack.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return remembered

    def _remember(self, **values: str | int | None) -> None:
        (self.state_dir / "stack.json").write_text(json.dumps({**self._remembered(), **values}, indent=2))


def _session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)  # noqa: S106


def _emulator_hash() -> str:
    return hashlib.sha256((ROOT / "requirements" / "emulator.txt").read_bytes()).hexdigest()
