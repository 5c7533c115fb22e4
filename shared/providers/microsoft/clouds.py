"""Microsoft's clouds, and which of them this deployment is set up for. Pure.

Hosts are those of Graph's page "National cloud deployments"; how metadata calls a cloud (`cloud_instance_name`) is as
seen in metadata of such tenants. An access token is sent to the address that is set up and to no other: what metadata
says is shown, and compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from shared.config import MicrosoftSettings

WORLDWIDE: Final = "worldwide"
US_GOVERNMENT: Final = "us_government"
CHINA: Final = "china"

NAMES: Final[Mapping[str, str]] = {
    WORLDWIDE: "the worldwide cloud",
    US_GOVERNMENT: "the cloud for the US government",
    CHINA: "the cloud in China",
}
"""What people call them, as a part of a sentence."""

GRAPH_HOSTS: Final[Mapping[str, str]] = {
    "graph.microsoft.com": WORLDWIDE,
    "graph.microsoft.us": US_GOVERNMENT,
    "dod-graph.microsoft.us": US_GOVERNMENT,
    "microsoftgraph.chinacloudapi.cn": CHINA,
}
LOGIN_HOSTS: Final[Mapping[str, str]] = {
    WORLDWIDE: "login.microsoftonline.com",
    US_GOVERNMENT: "login.microsoftonline.us",
    CHINA: "login.partner.microsoftonline.cn",
}
_RESOURCES: Final[Mapping[str, str]] = {
    WORLDWIDE: "https://graph.microsoft.com",
    US_GOVERNMENT: "https://graph.microsoft.us",
    CHINA: "https://microsoftgraph.chinacloudapi.cn",
}
_INSTANCES: Final[Mapping[str, str]] = {
    "microsoftonline.com": WORLDWIDE,
    "microsoftonline.us": US_GOVERNMENT,
    "partner.microsoftonline.cn": CHINA,
}


def own_cloud(settings: MicrosoftSettings) -> str:
    """The cloud of this deployment; whatever stands in for Microsoft counts as worldwide."""
    host = urlsplit(settings.microsoft_login_url).netloc
    return next((cloud for cloud, known in LOGIN_HOSTS.items() if known == host), WORLDWIDE)


def resource_of(settings: MicrosoftSettings) -> str:
    """What permissions of this deployment's Graph begin with."""
    host = urlsplit(settings.microsoft_graph_url).netloc
    return f"https://{host}" if host in GRAPH_HOSTS else _RESOURCES[own_cloud(settings)]


def cloud_called(instance_name: str, graph_host: str) -> str:
    """The cloud that a tenant's metadata names."""
    return GRAPH_HOSTS.get(graph_host) or _INSTANCES.get(instance_name, WORLDWIDE)


def own_address(settings: MicrosoftSettings) -> str:
    return f"{settings.microsoft_graph_url.rstrip('/')}/v1.0"


def service_address(settings: MicrosoftSettings, cloud: str, graph_host: str) -> str:
    """Where the calendars of a tenant are asked for; "" if its metadata names a host that is none of Microsoft's. A
    Graph that stands in for the real one is that of every tenant of its cloud."""
    own = urlsplit(settings.microsoft_graph_url).netloc
    if graph_host == own or (own not in GRAPH_HOSTS and cloud == own_cloud(settings)):
        return own_address(settings)
    return f"https://{graph_host}/v1.0" if graph_host in GRAPH_HOSTS else ""
