"""`create_app(world)`: the simulated Microsoft as a WSGI application, for a server or for calls in process.

Paths under `/control` are not Microsoft's: they set faults and act as a person.
"""

import socket

from flask import Flask, request
from flask import Response as FlaskResponse

from simulators.common.wire import Request, Response
from simulators.microsoft import authorize, batch, graph, identity
from simulators.microsoft.control import control_routes
from simulators.microsoft.world import MicrosoftWorld

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(world: MicrosoftWorld) -> Flask:
    """The application; all state lives in the world."""
    app = Flask("simulators.microsoft")
    app.register_blueprint(control_routes(world))

    @app.get("/<tenant>/v2.0/.well-known/openid-configuration")
    def configuration(tenant: str) -> FlaskResponse:
        return _sent(identity.configuration(world, tenant, _base()))

    @app.get("/common/discovery/instance")
    def instances() -> FlaskResponse:
        return _sent(identity.instances(_base()))

    @app.get("/<_tenant>/discovery/v2.0/keys")
    def keys(_tenant: str) -> FlaskResponse:
        return _sent(identity.keys(world))

    @app.route("/<tenant>/oauth2/v2.0/authorize", methods=["GET", "POST"])
    def sign_in(tenant: str) -> FlaskResponse:
        return _sent(authorize.authorize(world, tenant, _received()))

    @app.post("/<tenant>/oauth2/v2.0/token")
    def token(tenant: str) -> FlaskResponse:
        return _sent(identity.token(world, tenant, _received(), _base()))

    @app.route("/<tenant>/v2.0/adminconsent", methods=["GET", "POST"])
    def consent(tenant: str) -> FlaskResponse:
        return _sent(authorize.admin_consent(world, tenant, _received()))

    @app.post("/v1.0/$batch")
    def run_batch() -> FlaskResponse:
        return _sent(batch.answer(world, _received(), _base()))

    @app.route("/v1.0/<path:_rest>", methods=_METHODS)
    def call(_rest: str) -> FlaskResponse:
        return _sent(graph.answer(world, _received(), _base()))

    return app


def _base() -> str:
    return request.host_url.rstrip("/")


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
