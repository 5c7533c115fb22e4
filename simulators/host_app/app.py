"""`create_app(inbox)`: `POST /lockstep` takes signed webhooks, `/control` shows what came and makes it fail.

| call | does |
|---|---|
| `POST /lockstep` | 204 for a good message, new or not; 401 for a bad signature or an old timestamp |
| `GET /control/messages` | counters and `messages: [{id, timestamp, body}]`, in order of arrival |
| `DELETE /control/messages` | forget all |
| `POST /control/fail` `{times, status}` | answer the next messages with that status and keep none of them |
"""

from typing import Any

from flask import Flask, Response, request

from simulators.host_app.inbox import BadSignature, Inbox


def create_app(inbox: Inbox) -> Flask:
    app = Flask("simulators.host_app")

    @app.post("/lockstep")
    def receive() -> Response:
        failure = inbox.take_failure()
        if failure is not None:
            return Response(status=failure)
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            inbox.accept(headers, request.get_data())
        except BadSignature as error:
            return Response(str(error), status=401)
        return Response(status=204)

    @app.get("/control/messages")
    def messages() -> dict[str, Any]:
        return inbox.shown()

    @app.delete("/control/messages")
    def clear() -> dict[str, Any]:
        inbox.clear()
        return inbox.shown()

    @app.post("/control/fail")
    def fail() -> dict[str, Any]:
        wanted = request.get_json()
        inbox.fail_next(int(wanted.get("times", 1)), int(wanted.get("status", 500)))
        return {"times": inbox.failures_left, "status": inbox.failure_status}

    return app
