"""A simulated Microsoft: identity platform, Graph v1.0 calendars and change notifications, strict and with faults.

For tests and demo, never deployed. `create_app(MicrosoftWorld(...))` is a WSGI application; `python -m
simulators.microsoft` serves it over HTTPS on loopback.
"""

from simulators.microsoft.app import create_app
from simulators.microsoft.push import PushReply, PushRequest, echo
from simulators.microsoft.settings import Settings
from simulators.microsoft.world import MicrosoftWorld

__all__ = ["MicrosoftWorld", "PushReply", "PushRequest", "Settings", "create_app", "echo"]
