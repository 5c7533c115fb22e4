"""The certificate of the push address: providers deliver to https only, on a loopback address as well.

`certificate_for_loopback` makes a certificate for localhost together with the authority that signed it. The authority's
own key is thrown away at once, so what is left on disk can vouch for nothing else.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from demo.tokens import write_private

CA_FILE: Final = "push-ca.pem"
SERVER_FILE: Final = "push-server.pem"
HOSTS: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificate:
    """`ca_file` is what a caller trusts (PEM); `context` is what a server listens with."""

    ca_file: Path
    context: ssl.SSLContext


def certificate_for_loopback(state_dir: Path) -> Certificate:
    """The certificate kept in `state_dir`, made at the first start: whoever trusts it goes on trusting it."""
    ca_file, server_file = state_dir / CA_FILE, state_dir / SERVER_FILE
    if not (ca_file.exists() and server_file.exists()):
        authority = trustme.CA(organization_name="Lockstep demo")
        server = authority.issue_cert(*HOSTS)
        write_private(server_file, server.private_key_and_cert_chain_pem.bytes())
        ca_file.write_bytes(authority.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(server_file)
    return Certificate(ca_file=ca_file, context=context)
