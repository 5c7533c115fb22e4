"""A simulated Google: OAuth, Calendar v3 and push, strict and with faults. For tests and demo, never deployed.

`create_app(GoogleWorld(...))` is a WSGI application; `python -m simulators.google` serves it on loopback.
"""

from simulators.google.app import create_app
from simulators.google.push import PushRequest
from simulators.google.world import GoogleWorld, Settings

__all__ = ["GoogleWorld", "PushRequest", "Settings", "create_app"]
