"""The REST API of the contract: one module of `routes` for each kind of thing, one shape of answer for every fault."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.api.problems import problem_response
from functions.api.routes import busy as busy_routes
from functions.api.routes import calendars, connections, events, operations, organization, service, staff
from shared.errors import ConnectionRevoked, Problem, RetryLater, VersionConflict, not_found
from shared.observability import logger
from shared.tracing import tracer

app = APIGatewayHttpResolver()
for routes in (service, connections, calendars, events, busy_routes, operations, organization, staff):
    app.include_router(routes.router)


@app.exception_handler(Problem)
def refused(problem: Problem) -> Response[str]:
    return problem_response(problem)


@app.exception_handler(NotFoundError)
def no_route(_: NotFoundError) -> Response[str]:
    return problem_response(not_found())


@app.exception_handler([RetryLater, VersionConflict])
def busy(error: RetryLater | VersionConflict) -> Response[str]:
    return problem_response(Problem(503, error.code, f"{error.sentence} Try again in a moment."))


@app.exception_handler(ConnectionRevoked)
def reconnect(error: ConnectionRevoked) -> Response[str]:
    return problem_response(Problem(409, error.code, f"{error.sentence} Sign in to the account again."))


@app.exception_handler(Exception)
def unforeseen(error: Exception) -> Response[str]:
    logger.error("request failed", exc_info=error)
    return problem_response(
        Problem(500, "internal", "Something went wrong here. Try again; if it stays, ask for help.")
    )


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
