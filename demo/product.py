"""The whole product on this machine: stack, simulators, host app and front door, started together and stopped together.

    with product(Choice(state_dir=..., stage="demo", port=8400, persist=True)) as running:
        running.url                 # the page, the API, the sign-in
        running.google_url          # the simulated Google, or "" if the environment names another
        running.microsoft_url       # the simulated Microsoft, likewise; running.ca_file is what it is trusted by
        running.host_url            # the simulated host app
        running.tick()              # one round of the schedule, now

What the environment says wins: a provider's address in `GOOGLE_ACCOUNTS_URL` and its like replaces our simulator;
`GOOGLE_CLIENT_ID` and `GOOGLE_CLIENT_SECRET` without an address mean the real Google, polled where `PUSH_URL` is unset.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from demo import organizations
from demo.client import PersonAtGoogle, PersonAtOutlook
from demo.front_door import FrontDoorSettings, Running, serve
from demo.processes import LOOPBACK, free_port, running, wait_until
from demo.stack import Stack
from demo.tools import ROOT

GOOGLE_URLS: Final = ("GOOGLE_ACCOUNTS_URL", "GOOGLE_OAUTH_URL", "GOOGLE_API_URL")
MICROSOFT_URLS: Final = ("MICROSOFT_LOGIN_URL", "MICROSOFT_GRAPH_URL")
DEMO_APP: Final = ("00000000-0000-4000-8000-00000000c0de", "demo-app-secret")
DEMO_CLIENT: Final = ("lockstep-demo.apps.example.com", "demo-client-secret")
HOST_SECRET: Final = "whsec_bG9ja3N0ZXAtZGVtby1ob3N0LXdlYmhvb2sh"  # noqa: S105 (see below)
"""The simulated host app's key: public, and of no worth anywhere else."""

MICROSOFT_CA: Final = "microsoft-ca.pem"
OUTLOOK_ACCOUNTS: Final = (("anna@contoso.example", "Anna Example"), ("ben@contoso.example", "Ben Example"))
DEMO_ACCOUNTS: Final = (("anna@example.com", "Anna Example"), ("ben@example.com", "Ben Example"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to start. `port` 0 means any free one; `tell` hears what takes long."""

    stage: str
    state_dir: Path
    port: int = 0
    persist: bool = False
    window_back_days: int = 30
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    tell: Callable[[str], None] = lambda _: None

    @property
    def simulates_google(self) -> bool:
        given = self.environment
        return not any(given.get(name) for name in GOOGLE_URLS) and not given.get("GOOGLE_CLIENT_ID")

    @property
    def client(self) -> tuple[str, str]:
        """The OAuth client that this deployment uses with Google."""
        given = self.environment
        return given.get("GOOGLE_CLIENT_ID") or DEMO_CLIENT[0], given.get("GOOGLE_CLIENT_SECRET") or DEMO_CLIENT[1]

    @property
    def simulates_microsoft(self) -> bool:
        """Not beside the real Google: both are trusted by the same file."""
        given = self.environment
        named = any(given.get(name) for name in (*MICROSOFT_URLS, "MICROSOFT_CLIENT_ID"))
        return not named and (self.simulates_google or _loopback(given))

    @property
    def microsoft_client(self) -> tuple[str, str]:
        given = self.environment
        return given.get("MICROSOFT_CLIENT_ID") or DEMO_APP[0], given.get("MICROSOFT_CLIENT_SECRET") or DEMO_APP[1]

    @property
    def poll_minutes(self) -> float:
        return float(self.environment.get("POLL_MINUTES") or 15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """Whom the product deals with. An address is "" where the environment names another; `ca_file` is what the
    providers are trusted by beside the public authorities."""

    google_url: str
    microsoft_url: str
    host_url: str
    ca_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    stack: Stack
    front: Running
    neighbours: Neighbours

    @property
    def google_url(self) -> str:
        return self.neighbours.google_url

    @property
    def microsoft_url(self) -> str:
        return self.neighbours.microsoft_url

    @property
    def ca_file(self) -> str:
        return self.neighbours.ca_file

    @property
    def host_url(self) -> str:
        return self.neighbours.host_url

    @property
    def url(self) -> str:
        return self.front.url

    def tick(self) -> None:
        """One round of the schedule, as EventBridge starts it each minute."""
        self.stack.invoke("RenewSubscriptionsFunction", {})


@contextmanager
def product(choice: Choice) -> Iterator[Product]:
    """Start everything; at the end of the block nothing of it runs any more."""
    state = choice.state_dir
    organizations.write_lists(state)
    with ExitStack() as started:
        ports = _remembered_ports(state, choice.port)
        front = started.enter_context(
            serve(FrontDoorSettings(state_dir=state / "front", port=ports["front"], push_port=ports["push"]))
        )
        ports |= {"front": front.port, "push": front.push_port}
        google_url = ""
        if choice.simulates_google:
            google_url = _start_google(started, choice, front, ports)
            front.route_simulator("google", google_url)
        microsoft_url = ""
        if choice.simulates_microsoft:
            microsoft_url = _start_microsoft(started, choice, front, ports)
            front.route_simulator("microsoft", microsoft_url, str(choice.state_dir / MICROSOFT_CA))
        neighbours = Neighbours(
            google_url=google_url,
            microsoft_url=microsoft_url,
            host_url=_start_host_app(started, choice, ports),
            ca_file=_trusted(choice),
        )
        _remember_ports(state, ports)
        stack = Stack(
            stage=choice.stage,
            state_dir=state / "stack",
            parameters=_parameters(choice, front, neighbours),
            persist=choice.persist,
            tell=choice.tell,
        )
        started.enter_context(stack)
        _put_secrets(stack, choice)
        front.route_api(stack.api_url)
        running_product = Product(stack=stack, front=front, neighbours=neighbours)
        if choice.poll_minutes < 1:
            started.enter_context(_ticking(running_product, choice.poll_minutes * 60))
        yield running_product


def _start_google(started: ExitStack, choice: Choice, front: Running, ports: dict[str, int]) -> str:
    identifier, secret = choice.client
    redirects = [f"{base}/oauth/callback/google" for base in _bases(front)]
    options = ["--client-id", identifier, "--client-secret", secret, "--ca-file", str(front.ca_file)]
    for redirect in redirects:
        options += ["--redirect-uri", redirect]
    if choice.persist:
        options += ["--state-file", str(choice.state_dir / "google.json")]
    url = _start_simulator(started, choice, "google", options, ports)
    _ensure_accounts(url, DEMO_ACCOUNTS)
    organizations.meadow_health(PersonAtGoogle(url, ""), choice.state_dir / organizations.KEY_FILE)
    return url


def _start_microsoft(started: ExitStack, choice: Choice, front: Running, ports: dict[str, int]) -> str:
    """The simulated Microsoft: MSAL insists on https, so it comes with an authority of its own."""
    identifier, secret = choice.microsoft_client
    options = ["--client-id", identifier, "--client-secret", secret, "--push-ca-file", str(front.ca_file)]
    options += ["--ca-file-out", str(choice.state_dir / MICROSOFT_CA)]
    for base in _bases(front):
        options += ["--redirect-uri", f"{base}/oauth/callback/microsoft"]
    if choice.persist:
        options += ["--state-file", str(choice.state_dir / "microsoft.json")]
    url = _start_simulator(started, choice, "microsoft", options, ports).replace(
        f"http://{LOOPBACK}", "https://localhost"
    )
    ca_file = str(choice.state_dir / MICROSOFT_CA)
    _ensure_accounts(url, OUTLOOK_ACCOUNTS, ca_file)
    organizations.harbour_care(PersonAtOutlook(url, "", ca_file), identifier)
    return url


def _trusted(choice: Choice) -> str:
    """The file of authorities that the functions trust beside or instead of the public ones; "" for those alone."""
    given = choice.environment.get("PROVIDER_CA_FILE", "")
    if not choice.simulates_microsoft:
        return given
    own = choice.state_dir / MICROSOFT_CA
    if not given:
        return str(own.resolve())
    both = choice.state_dir / "trusted.pem"
    both.write_text(own.read_text() + Path(given).read_text())
    return str(both.resolve())


def _start_host_app(started: ExitStack, choice: Choice, ports: dict[str, int]) -> str:
    return _start_simulator(started, choice, "host_app", ["--secret", HOST_SECRET], ports)


def _start_simulator(started: ExitStack, choice: Choice, name: str, options: list[str], ports: dict[str, int]) -> str:
    port_file = choice.state_dir / f"{name}.port"
    port_file.unlink(missing_ok=True)
    port = free_port(ports.get(name, 0))
    command = [sys.executable, "-m", f"simulators.{name}", "--port", str(port), "--port-file", str(port_file)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "TZ": "UTC"}
    log = choice.state_dir / f"{name}.log"
    process = started.enter_context(running([*command, *options], environment, log))
    wait_until(port_file.exists, f"The simulated {name}", process=process)
    ports[name] = port
    return f"http://{LOOPBACK}:{port}"


def _ensure_accounts(url: str, accounts: Sequence[tuple[str, str]], ca_file: str = "") -> None:
    import requests

    with requests.Session() as session:
        session.trust_env = False
        session.verify = ca_file or True
        found = session.get(f"{url}/control/accounts", timeout=5).json()["accounts"]
        there = {account["email"] for account in found}
        for email, name in accounts:
            if email not in there:
                body = {"email": email, "name": name, "timeZone": "Europe/Berlin"}
                session.post(f"{url}/control/accounts", json=body, timeout=5).raise_for_status()


def _bases(front: Running) -> tuple[str, str]:
    """The page's two names; people type either."""
    return f"http://{LOOPBACK}:{front.port}", f"http://localhost:{front.port}"


def _parameters(choice: Choice, front: Running, neighbours: Neighbours) -> dict[str, str]:
    given, google_url, microsoft_url = choice.environment, neighbours.google_url, neighbours.microsoft_url
    push_url = given.get("PUSH_URL") or (front.push_url if google_url or _loopback(given) else "")
    return {
        "Issuer": front.url,
        "Audience": "lockstep",
        "PublicUrl": given.get("PUBLIC_URL") or front.url,
        "PushUrl": push_url,
        "AllowedOrigins": ",".join(dict.fromkeys((*_bases(front), given.get("PUBLIC_URL") or front.url))),
        "HelpUrl": f"{front.url}/help",
        "HelpAddress": given.get("HELP_ADDRESS", ""),
        "HelpContent": given.get("HELP_CONTENT", ""),
        "PollMinutes": f"{choice.poll_minutes:g}",
        "WindowBackDays": str(choice.window_back_days),
        "HostWebhookUrl": f"{neighbours.host_url}/lockstep",
        "GoogleAccountsUrl": given.get("GOOGLE_ACCOUNTS_URL") or google_url,
        "GoogleOauthUrl": given.get("GOOGLE_OAUTH_URL") or google_url,
        "GoogleApiUrl": given.get("GOOGLE_API_URL") or google_url,
        "MicrosoftLoginUrl": given.get("MICROSOFT_LOGIN_URL") or microsoft_url,
        "MicrosoftGraphUrl": given.get("MICROSOFT_GRAPH_URL") or microsoft_url,
        "MicrosoftTenant": given.get("MICROSOFT_TENANT") or "common",
        "ProviderCaFile": neighbours.ca_file,
    }


def _loopback(given: Mapping[str, str]) -> bool:
    """Whether Google's API stands on this machine, so that it can reach the push address."""
    api = given.get("GOOGLE_API_URL", "")
    return any(f"://{name}" in api for name in (LOOPBACK, "localhost", "[::1]"))


def _put_secrets(stack: Stack, choice: Choice) -> None:
    identifier, secret = choice.client
    entries = {
        "google-client": {"client_id": identifier, "client_secret": secret},
        "microsoft-client": dict(zip(("client_id", "client_secret"), choice.microsoft_client, strict=True)),
        "host-webhook": {"current": HOST_SECRET, "previous": ""},
    }
    client = stack.client("secretsmanager")
    for name, members in entries.items():
        client.put_secret_value(SecretId=f"lockstep-{choice.stage}/{name}", SecretString=json.dumps(members))


@contextmanager
def _ticking(running_product: Product, seconds: float) -> Iterator[None]:
    """EventBridge has minutes at the least; a shorter poll interval is beaten by hand."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(seconds):
            with suppress(RuntimeError, BotoCoreError, ClientError):
                running_product.tick()

    thread = threading.Thread(target=beat, name="tick", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _remembered_ports(state: Path, front_port: int) -> dict[str, int]:
    """The ports of the last start where they are free, since the deployment has them in its parameters."""
    try:
        before = {str(name): int(port) for name, port in json.loads((state / "ports.json").read_text()).items()}
    except (FileNotFoundError, ValueError):
        before = {}
    return {**before, "front": front_port, "push": free_port(before.get("push", 0))}


def _remember_ports(state: Path, ports: Mapping[str, int]) -> None:
    (state / "ports.json").write_text(json.dumps(ports))
