"""The registry: names become providers, and the webhook receiver loads no client library on the way."""

import subprocess
import sys

import pytest

from shared.config import GoogleSettings
from shared.providers import PROVIDERS, UnknownProvider, open_provider, parse_notification
from shared.providers.base import ClientSecret, HttpRequest, Notifications

SETTINGS = GoogleSettings(google_client_secret="lockstep/google")
CLIENT = ClientSecret("client", "hidden")


@pytest.mark.parametrize("name", ["caldav", "", "google.push", "../google", "Google"])
def test_a_name_from_a_path_opens_nothing_but_a_registered_provider(name: str) -> None:
    with pytest.raises(UnknownProvider, match="There is no provider"):
        open_provider(name, SETTINGS, CLIENT)
    with pytest.raises(UnknownProvider):
        parse_notification(name, HttpRequest({}, {}, b""))


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_registered_provider_opens_without_a_call(name: str) -> None:
    assert open_provider(name, SETTINGS, CLIENT).authorizer() is not None
    assert open_provider(name, SETTINGS, CLIENT).organizations() is not None


def test_a_client_secret_does_not_show_when_it_is_printed() -> None:
    assert "hidden" not in repr(CLIENT)
    assert "hidden" not in repr(open_provider("google", SETTINGS, CLIENT))


@pytest.mark.parametrize("name", PROVIDERS)
def test_parsing_a_notification_loads_no_client_library(name: str) -> None:
    script = f"""
import sys
from shared.providers import parse_notification
from shared.providers.base import HttpRequest
parse_notification({name!r}, HttpRequest({{}}, {{}}, b""))
heavy = {{"googleapiclient", "google.auth", "google.oauth2", "httplib2", "requests", "msal", "boto3", "dateutil"}}
print(sorted(heavy & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_notification_reaches_the_parser_of_its_provider() -> None:
    headers = {"x-goog-channel-id": "c", "x-goog-resource-state": "exists", "x-goog-channel-token": "t"}
    assert isinstance(parse_notification("google", HttpRequest(headers, {}, b"")), Notifications)
