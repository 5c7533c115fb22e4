"""`python -m simulators.google --port 0 --port-file F`: the simulated Google on 127.0.0.1, until SIGTERM or SIGINT."""

import argparse
from pathlib import Path

from simulators.google import GoogleWorld, create_app, state_file
from simulators.serving import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.google", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it serves")
    parser.add_argument("--ca-file", help="certificate authority to trust when notifications are delivered")
    parser.add_argument("--state-file", type=Path, help="read at the start if it is there, written at the end")
    parser.add_argument("--client-id", help="an OAuth client to register")
    parser.add_argument("--client-secret", default="")
    parser.add_argument("--redirect-uri", action="append", default=[])
    given = parser.parse_args()

    world = GoogleWorld(ca_file=given.ca_file)
    if given.state_file is not None and given.state_file.exists():
        state_file.load(world, given.state_file)
    if given.client_id:
        world.add_client(given.client_id, given.client_secret, given.redirect_uri)

    def keep() -> None:
        if given.state_file is not None:
            state_file.save(world, given.state_file)

    serve(create_app(world), "simulated Google", given.port, given.port_file, keep)


if __name__ == "__main__":
    main()
