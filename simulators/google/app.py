"""`create_app(world)`: the simulated Google as a WSGI application, for a server or for calls in process.

Paths under `/control` are not Google's: they set faults and act as a person.
"""

import socket

from flask import Flask, request
from flask import Response as FlaskResponse

from simulators.google import api, batch, oauth
from simulators.google.control import control_routes
from simulators.google.wire import Request, Response
from simulators.google.world import GoogleWorld


def create_app(world: GoogleWorld) -> Flask:
    """The application; all state lives in the world."""
    app = Flask("simulators.google")
    app.register_blueprint(control_routes(world))

    @app.route("/o/oauth2/v2/auth", methods=["GET", "POST"])
    def authorize() -> FlaskResponse:
        return _sent(oauth.authorize(world, _received()))

    @app.post("/token")
    def token() -> FlaskResponse:
        return _sent(oauth.token(world, _received(), request.base_url))

    @app.post("/revoke")
    def revoke() -> FlaskResponse:
        return _sent(oauth.revoke(world, _received()))

    @app.get("/oauth2/v3/certs")
    def certs() -> FlaskResponse:
        return _sent(oauth.certs(world))

    @app.get("/.well-known/openid-configuration")
    def configuration() -> FlaskResponse:
        return _sent(oauth.configuration(request.host_url.rstrip("/")))

    @app.post(batch.PATH)
    def run_batch() -> FlaskResponse:
        return _sent(batch.answer(world, _received()))

    @app.route("/calendar/v3/<path:_rest>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def call(_rest: str) -> FlaskResponse:
        return _sent(api.answer(world, _received()))

    return app


def _received() -> Request:
    return Request(
        method=request.method,
        path=request.path,
        query=request.args.to_dict(flat=False),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=request.get_data(),
    )


def _sent(response: Response) -> FlaskResponse:
    if response.cut:
        _hang_up()
    headers = response.headers | ({"X-Simulator-Fault": "cut"} if response.cut else {})
    return FlaskResponse(response.body, status=response.status, headers=headers)


def _hang_up() -> None:
    """Close the caller's connection under the answer; called in process there is none, and the caller sees a 502."""
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
