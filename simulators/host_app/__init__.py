"""A tiny booking product: receives signed webhooks, keeps them in order, and can fail on demand.

`create_app(Inbox(secret))` is a WSGI application; `python -m simulators.host_app` serves it on loopback.
"""

from simulators.host_app.app import create_app
from simulators.host_app.inbox import Inbox, Message

__all__ = ["Inbox", "Message", "create_app"]
