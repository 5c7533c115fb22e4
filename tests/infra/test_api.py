"""A route is open only if somebody wrote it down here."""

from __future__ import annotations

import re

import pytest

from tests.infra.template import function, resources, text

OPEN = {
    "GET /oauth/callback/{provider}",
    "POST /webhooks/{provider}",
    "POST /webhooks/{provider}/lifecycle",
    "GET /health",
    "GET /v1/openapi.json",
}
ROUTES = {route["RouteKey"]: route for route in resources("AWS::ApiGatewayV2::Route").values()}


@pytest.mark.parametrize("key", ROUTES)
def test_a_route_without_a_token_is_one_of_those_that_prove_themselves_otherwise(key):
    route = ROUTES[key]
    if key in OPEN:
        assert route["AuthorizationType"] == "NONE"
        assert "AuthorizerId" not in route
    else:
        assert route["AuthorizationType"] == "JWT"
        assert route["AuthorizerId"] == {"Ref": "JwtAuthorizer"}


def test_no_route_catches_what_is_not_listed():
    assert not [key for key in ROUTES if "$default" in key or "+}" in key or key.startswith("ANY ")]


def test_every_route_reaches_the_function_that_its_path_names():
    for key, route in ROUTES.items():
        folder = {"oauth": "OauthCallback", "webhooks": "WebhookReceiver"}.get(key.split("/")[1], "Api")
        assert text(route["Target"]) == f"integrations/${{{folder}Integration}}"


def test_the_gateway_may_call_exactly_the_functions_behind_its_routes():
    permitted = {each["FunctionName"]["Ref"] for each in resources("AWS::Lambda::Permission").values()}
    integrated = {
        re.sub(r"\.Arn$", "", text(each["IntegrationUri"]))
        for each in resources("AWS::ApiGatewayV2::Integration").values()
    }
    assert permitted == integrated


@pytest.mark.parametrize("folder", ["api", "oauth_callback", "webhook_receiver"])
def test_a_function_gives_up_before_the_gateway_does(folder):
    assert function(folder)["Timeout"] < 30


def test_an_authorization_code_never_reaches_the_access_log():
    log_format = resources("AWS::ApiGatewayV2::Stage")["HttpStage"]["AccessLogSettings"]["Format"]
    assert not re.search(r"quer|rawPath|httpMethod.*\?", log_format, re.IGNORECASE)
