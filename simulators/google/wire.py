"""Google's requests and replies are those of every simulator: see `simulators.common.wire`."""

from simulators.common.wire import Json, Request, Response, json_response

__all__ = ["Json", "Request", "Response", "json_response"]
