"""`make demo`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading

from demo import organizations
from demo.exclusive import InUse
from demo.processes import DidNotStart, terminated_like_interrupted
from demo.product import Choice, Product, product
from demo.reset import DEMO_STATE
from demo.stack import DeployFailed

ADDRESSES = """
  Lockstep is running. Ctrl-C stops it; what was stored is kept (make demo-reset clears it).

    Manage Integrations   {url}/
    Side by side, live    {url}/calendar
    Organisation          {url}/organization?user=admin&role=admin
{organizations}    REST API              {url}/v1/openapi.json
    A token for the API   curl -s {url}/dev/token -d '{{"sub":"demo-user","org":"demo"}}'
    Google                {google}
    Microsoft             {microsoft}
    Host app's messages   {host}/control/messages
    Push, for providers   {push}  (trust {ca})
"""


MICROSOFT_365 = """\
      Microsoft 365       tenant {tenant}, staff in {staff}; consent as {admin},
                          or without impersonation sign in as {account}
"""
GOOGLE_WORKSPACE = """\
      Google Workspace    domain {domain}, key in {key}, staff in {staff}
"""


def main() -> int:
    choice = Choice(
        stage="demo",
        state_dir=DEMO_STATE,
        port=int(os.environ.get("DEMO_PORT") or 8400),
        persist=True,
        tell=lambda sentence: print(sentence, flush=True),
    )
    try:
        with terminated_like_interrupted(), product(choice) as running:
            _have_own_connections(running)
            _announce(choice, running)
            threading.Event().wait()
    except KeyboardInterrupt:
        print("\nStopped; nothing is left running.", flush=True)
        return 0
    except InUse:
        print("The demo is running already; stop that one first.", file=sys.stderr)
    except OSError as error:
        print(
            f"Port {choice.port} cannot be used ({error.strerror}). Choose another: DEMO_PORT=8401 make demo",
            file=sys.stderr,
        )
    except (DidNotStart, DeployFailed) as error:
        print(error, file=sys.stderr)
    return 1


def _announce(choice: Choice, running: Product) -> None:
    google = f"simulated, {running.google_url}/control/accounts"
    if not running.google_url:
        google = (
            choice.environment.get("GOOGLE_API_URL") or "the real one; polled unless PUSH_URL names a public address"
        )
    microsoft = f"simulated, {running.microsoft_url}/control/accounts"
    if not running.microsoft_url:
        microsoft = choice.environment.get("MICROSOFT_GRAPH_URL") or "the real one"
    push, ca = running.front.push_url, os.path.relpath(running.front.ca_file)
    print(
        ADDRESSES.format(
            url=running.url,
            google=google,
            microsoft=microsoft,
            host=running.host_url,
            push=push,
            ca=ca,
            organizations=_organizations(choice, running),
        ),
        flush=True,
    )


def _have_own_connections(running: Product) -> None:
    """In each organisation one person has connected the mailbox themselves before the administrator comes."""
    if running.google_url:
        organizations.connect_own(running.url, "google")
    if running.microsoft_url:
        organizations.connect_own(running.url, "microsoft", ca_file=running.ca_file)


def _organizations(choice: Choice, running: Product) -> str:
    harbour, meadow, key = (
        os.path.relpath(choice.state_dir / name)
        for name in (organizations.HARBOUR_LIST, organizations.MEADOW_LIST, organizations.KEY_FILE)
    )
    said = ""
    if running.microsoft_url:
        admin, account = organizations.ADMIN, organizations.SERVICE_ACCOUNT
        said += MICROSOFT_365.format(tenant=organizations.TENANT, staff=harbour, admin=admin, account=account)
    if running.google_url:
        said += GOOGLE_WORKSPACE.format(domain=organizations.DOMAIN, key=key, staff=meadow)
    return said


if __name__ == "__main__":
    sys.exit(main())
