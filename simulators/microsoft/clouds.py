"""Microsoft's clouds as data: where each signs people in, and where its Graph is.

Hosts: Graph, "National cloud deployments". `cloud_instance_name` and the region words are as seen in metadata of such
tenants; no page lists them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    login_host: str
    graph_host: str
    instance_name: str
    azure_graph_host: str
    region: str | None = None
    sub_region: str | None = None


CLOUDS = {
    "worldwide": Cloud("login.microsoftonline.com", "graph.microsoft.com", "microsoftonline.com", "graph.windows.net"),
    "us_government": Cloud(
        "login.microsoftonline.us", "graph.microsoft.us", "microsoftonline.us", "graph.windows.net", "USGov", "DODCON"
    ),
    "us_defense": Cloud(
        "login.microsoftonline.us", "dod-graph.microsoft.us", "microsoftonline.us", "graph.windows.net", "USGov", "DOD"
    ),
    "china": Cloud(
        "login.partner.microsoftonline.cn",
        "microsoftgraph.chinacloudapi.cn",
        "partner.microsoftonline.cn",
        "graph.chinacloudapi.cn",
        "AS",
    ),
}
