"""`python -m simulators.microsoft --port 0 --ca-file-out F`: Microsoft, simulated, on https://localhost.

MSAL insists on https, so the process, which runs until SIGTERM, makes a certificate authority of its own and writes its
certificate for clients to trust.
"""

import argparse
import ssl
from pathlib import Path

import trustme

from simulators.microsoft import MicrosoftWorld, create_app, state_file
from simulators.serving import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.microsoft", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it serves")
    parser.add_argument("--ca-file-out", type=Path, help="where to write the authority that clients must trust")
    parser.add_argument("--push-ca-file", help="certificate authority to trust when notifications are delivered")
    parser.add_argument("--state-file", type=Path, help="read at the start if it is there, written at the end")
    parser.add_argument("--client-id", help="an app to register")
    parser.add_argument("--client-secret", default="")
    parser.add_argument("--redirect-uri", action="append", default=[])
    given = parser.parse_args()

    world = MicrosoftWorld(ca_file=given.push_ca_file)
    if given.state_file is not None and given.state_file.exists():
        state_file.load(world, given.state_file)
    if given.client_id:
        world.add_app(given.client_id, given.client_secret, given.redirect_uri)

    def keep() -> None:
        if given.state_file is not None:
            state_file.save(world, given.state_file)

    tls = own_certificate(given.ca_file_out)
    serve(create_app(world), "simulated Microsoft", given.port, given.port_file, keep, tls=tls)


def own_certificate(ca_file_out: Path | None) -> ssl.SSLContext:
    """A server certificate for localhost by a fresh authority, whose own certificate goes into the file."""
    authority = trustme.CA()
    if ca_file_out is not None:
        authority.cert_pem.write_to_path(str(ca_file_out))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


if __name__ == "__main__":
    main()
