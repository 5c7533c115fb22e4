"""`python -m simulators.host_app --port 0 --port-file F --secret whsec_…`: the host app on 127.0.0.1."""

import argparse
from pathlib import Path

from simulators.host_app import Inbox, create_app
from simulators.serving import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m simulators.host_app", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it serves")
    parser.add_argument("--secret", required=True, help="the signing secret, whsec_…")
    given = parser.parse_args()
    serve(create_app(Inbox(given.secret)), "host app", given.port, given.port_file, lambda: None)


if __name__ == "__main__":
    main()
