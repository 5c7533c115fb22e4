"""What the operator put into Secrets Manager, read: every live credential, and no value in a complaint."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.providers.base import Certificate, ClientSecret, Password
from shared.providers.client_entry import ClientEntryMalformed, read_client


def test_the_plain_form_is_read_as_before() -> None:
    client = read_client({"client_id": "id", "client_secret": "one"})
    assert client == ClientSecret("id", "one")
    assert client.live() == (Password("one"),)


def test_several_credentials_are_all_live_the_plain_one_first() -> None:
    entry = {
        "client_id": "id",
        "client_secret": "one",
        "expires_at": "2027-05-01",
        "credentials": [
            {"client_secret": "two", "expires_at": "2027-06-01T12:00:00+02:00"},
            {"certificate": "CERT", "private_key": "KEY"},
        ],
    }
    assert read_client(entry).live() == (
        Password("one", datetime(2027, 5, 1, tzinfo=UTC)),
        Password("two", datetime(2027, 6, 1, 10, tzinfo=UTC)),
        Certificate("CERT", "KEY"),
    )


@pytest.mark.parametrize(
    "entry",
    [
        {"credentials": "one"},
        {"credentials": ["s3cret"]},
        {"credentials": [{"client_secret": ""}]},
        {"credentials": [{"certificate": "s3cret"}]},
        {"credentials": [{"client_secret": "s3cret", "expires_at": "s3cret soon"}]},
        {"client_secret": "s3cret", "expires_at": "s3cret"},
    ],
)
def test_an_entry_that_is_malformed_is_refused_without_repeating_it(entry: dict[str, Any]) -> None:
    with pytest.raises(ClientEntryMalformed) as caught:
        read_client({"client_id": "id"} | entry)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_no_credential_shows_when_it_is_printed() -> None:
    client = ClientSecret("id", "s3cret", (Password("s3cret"), Certificate("CERT", "s3cret")))
    assert "s3cret" not in repr(client)
