"""Which cloud: a token goes to the address that is set up, whatever metadata says."""

import pytest

from shared.config import MicrosoftSettings
from shared.providers.microsoft.clouds import cloud_called, own_cloud, resource_of, service_address


def settings(login: str, graph: str) -> MicrosoftSettings:
    return MicrosoftSettings(microsoft_client_secret="x", microsoft_login_url=login, microsoft_graph_url=graph)


WORLDWIDE = settings("https://login.microsoftonline.com", "https://graph.microsoft.com")
GOVERNMENT = settings("https://login.microsoftonline.us", "https://graph.microsoft.us")
DEFENSE = settings("https://login.microsoftonline.us", "https://dod-graph.microsoft.us")
CHINA = settings("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn")
STAND_IN = settings("https://localhost:8600", "https://localhost:8600")


@pytest.mark.parametrize(
    ("at", "cloud", "resource"),
    [
        (WORLDWIDE, "worldwide", "https://graph.microsoft.com"),
        (GOVERNMENT, "us_government", "https://graph.microsoft.us"),
        (DEFENSE, "us_government", "https://dod-graph.microsoft.us"),
        (CHINA, "china", "https://microsoftgraph.chinacloudapi.cn"),
        (STAND_IN, "worldwide", "https://graph.microsoft.com"),
    ],
)
def test_a_deployment_is_in_the_cloud_whose_addresses_it_was_given(
    at: MicrosoftSettings, cloud: str, resource: str
) -> None:
    assert (own_cloud(at), resource_of(at)) == (cloud, resource)


@pytest.mark.parametrize(
    ("instance", "host", "cloud"),
    [
        ("microsoftonline.com", "graph.microsoft.com", "worldwide"),
        ("microsoftonline.us", "dod-graph.microsoft.us", "us_government"),
        ("partner.microsoftonline.cn", "", "china"),
        ("", "localhost:8600", "worldwide"),
    ],
)
def test_a_tenant_is_in_the_cloud_that_its_metadata_names(instance: str, host: str, cloud: str) -> None:
    assert cloud_called(instance, host) == cloud


@pytest.mark.parametrize(
    ("at", "cloud", "host", "address"),
    [
        (WORLDWIDE, "worldwide", "graph.microsoft.com", "https://graph.microsoft.com/v1.0"),
        (WORLDWIDE, "us_government", "graph.microsoft.us", "https://graph.microsoft.us/v1.0"),
        (GOVERNMENT, "us_government", "dod-graph.microsoft.us", "https://dod-graph.microsoft.us/v1.0"),
        (STAND_IN, "worldwide", "graph.microsoft.com", "https://localhost:8600/v1.0"),
        (STAND_IN, "worldwide", "localhost:8600", "https://localhost:8600/v1.0"),
        (STAND_IN, "china", "microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn/v1.0"),
        (WORLDWIDE, "worldwide", "graph.microsoft.com.attacker.example", ""),
        (WORLDWIDE, "worldwide", "", ""),
    ],
)
def test_the_service_address_is_one_of_microsofts_or_the_one_that_is_set_up(
    at: MicrosoftSettings, cloud: str, host: str, address: str
) -> None:
    assert service_address(at, cloud, host) == address
