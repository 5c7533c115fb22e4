"""`remaining(product, connection)`: what a disconnected connection has left behind, which must be its receipt alone."""

from __future__ import annotations

from demo.product import Product

TABLES = ("ConnectionsTable", "CalendarsTable", "LinksTable", "PendingTable")


def remaining(running: Product, connection: str) -> list[str]:
    """Rows of any table that still name the connection, but for its receipt and the history."""
    client, found = running.stack.client("dynamodb"), list[str]()
    for name in TABLES:
        for page in client.get_paginator("scan").paginate(TableName=running.stack.outputs[name]):
            for row in page["Items"]:
                if connection not in str(row):
                    continue
                receipt = name == "ConnectionsTable" and not {"grant", "flow", "account_id"} & set(row)
                if not receipt:
                    found.append(f"{name}: {sorted(row)}")
    return found
