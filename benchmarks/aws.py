"""AWS without the network: what botocore would send is answered from a file, in the same process.

`LocalAws(path).install()` takes the place of botocore's HTTP session, so everything above the socket is the product's
own and is measured with it: PynamoDB, botocore's encoding, signing and parsing. What the answers themselves cost is
counted apart (`cpu`), to be taken off. The records lie in SQLite on disk and not in this process, so that memory
measured here is the product's.

It serves one writer on a fresh database: conditions are not evaluated, and an access pattern that no measurement
needs is refused.
"""

from __future__ import annotations

import base64
import io
import json
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

Json = dict[str, Any]

PAGE_BYTES = 1_000_000
"""DynamoDB answers a query with at most 1 MB (Query reference)."""

_SCHEMA = """
pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -2000;
create table items (tbl text, hash text, range text, sort text, item text);
create unique index by_key on items (tbl, hash, range);
create index by_sort on items (tbl, hash, sort, range) where sort is not null;
"""
_KEYS = {
    "connections": ("id", ""),
    "calendars": ("connection_id", "id"),
    "events": ("owner", "id"),
    "links": ("calendar_id", "remote_id"),
    "pending": ("calendar_id", "event_id"),
    "history": ("event_key", "at"),
    "deliveries": ("org", "id"),
}
_SORTED_BY = {"events": "ends_at", "links": "event_id"}
"""The sort key of the local index that a table has."""

_TERM = re.compile(r"(#\w+) (=|>|<=) (:\w+)")
_HEADERS: Any = {"Content-Type": "application/x-amz-json-1.0"}
_DATA_KEY = base64.b64encode(bytes(32)).decode()


class LocalAws:
    """`calls` counts operations by name, `items` what they read and wrote."""

    def __init__(self, path: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_SCHEMA)
        self._secrets = secrets
        self.calls, self.items, self.cpu = Counter[str](), Counter[str](), 0.0

    def install(self) -> None:
        """From now on every botocore client of this process talks to this object."""

        def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
            return self._send(request)

        URLLib3Session.send = send  # type: ignore[assignment,method-assign]

    def forget_counts(self) -> None:
        self.calls.clear()
        self.items.clear()
        self.cpu = 0.0

    def _send(self, request: AWSPreparedRequest) -> AWSResponse:
        began = time.thread_time()
        target = request.headers["X-Amz-Target"]
        name = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        self.calls[name] += 1
        answer = getattr(self, f"_{name}")(json.loads(cast(bytes, request.body) or b"{}"))
        body = json.dumps(answer).encode()
        response = AWSResponse(request.url, 200, _HEADERS, _Raw(body))
        self.cpu += time.thread_time() - began
        return response

    # --- DynamoDB

    def _GetItem(self, call: Json) -> Json:  # noqa: N802
        found = self._read(call["TableName"], call["Key"])
        return {"Item": found} if found else {}

    def _PutItem(self, call: Json) -> Json:  # noqa: N802
        self._put(call["TableName"], call["Item"])
        return {}

    def _DeleteItem(self, call: Json) -> Json:  # noqa: N802
        self._delete(call["TableName"], call["Key"])
        return {}

    def _BatchGetItem(self, call: Json) -> Json:  # noqa: N802
        found = {
            table: [item for key in wanted["Keys"] if (item := self._read(table, key))]
            for table, wanted in call["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _TransactWriteItems(self, call: Json) -> Json:  # noqa: N802
        self._db.execute("begin")
        for entry in call["TransactItems"]:
            match entry:
                case {"Put": put}:
                    self._put(put["TableName"], put["Item"])
                case {"Delete": delete}:
                    self._delete(delete["TableName"], delete["Key"])
                case {"ConditionCheck": _}:
                    self.items["checked"] += 1
                case _:
                    raise NotImplementedError(f"a transaction with {list(entry)}")
        self._db.execute("commit")
        return {}

    def _Query(self, call: Json) -> Json:  # noqa: N802
        table, limit = call["TableName"], call.get("Limit", 1 << 30)
        items, last, size, scanned = list[Json](), "", 0, 0
        wanted = dict[str, str]()
        if "FilterExpression" in call:
            wanted = {name: value for name, _, value in terms_of(call, "FilterExpression")}
        for (text,) in self._rows(call):
            scanned += 1
            item = json.loads(text)
            size += len(text)
            if all(item.get(name, {}).get("S") == value for name, value in wanted.items()):
                items.append(item)
            if scanned >= limit or size >= PAGE_BYTES:
                last = text
                break
        self.items["read"] += len(items)
        answer: Json = {"Items": items, "Count": len(items), "ScannedCount": scanned}
        if last:
            names = {*_KEYS[table], _SORTED_BY.get(table, "")} if call.get("IndexName") else {*_KEYS[table]}
            answer["LastEvaluatedKey"] = {name: value for name, value in json.loads(last).items() if name in names}
        return answer

    def _rows(self, call: Json) -> Iterator[tuple[str]]:
        table, terms = call["TableName"], terms_of(call, "KeyConditionExpression")
        by = "sort" if call.get("IndexName") else "range"
        if by == "sort" and table not in _SORTED_BY:
            raise NotImplementedError(f"{call['IndexName']} of {table}")
        sql, values = "select item from items where tbl = ? and hash = ?", [table, terms[0][2]]
        for _, sign, value in terms[1:]:
            sql += f" and {by} {sign} ?"
            values.append(value)
        if start := call.get("ExclusiveStartKey"):
            after = [start[name]["S"] for name in (_SORTED_BY.get(table), _KEYS[table][1]) if name in start]
            sql += " and (sort, range) > (?, ?)" if by == "sort" else " and range > ?"
            values += after if by == "sort" else after[-1:]
        yield from self._db.execute(f"{sql} and {by} is not null order by {by}, range", values)

    def _read(self, table: str, key: Json) -> Json | None:
        sql = "select item from items where tbl = ? and hash = ? and range = ?"
        row = self._db.execute(sql, (table, *_key(table, key))).fetchone()
        self.items["asked for"] += 1
        return json.loads(row[0]) if row else None

    def _put(self, table: str, item: Json) -> None:
        sort = item.get(_SORTED_BY.get(table, ""), {}).get("S")
        row = (table, *_key(table, item), sort, json.dumps(item, separators=(",", ":")))
        self._db.execute("insert or replace into items values (?, ?, ?, ?, ?)", row)
        self.items["written"] += 1

    def _delete(self, table: str, key: Json) -> None:
        self._db.execute("delete from items where tbl = ? and hash = ? and range = ?", (table, *_key(table, key)))
        self.items["written"] += 1

    # --- SQS, KMS, Secrets Manager

    def _SendMessage(self, _: Json) -> Json:  # noqa: N802
        return {"MessageId": "message"}

    def _ChangeMessageVisibility(self, _: Json) -> Json:  # noqa: N802
        return {}

    def _GenerateDataKey(self, call: Json) -> Json:  # noqa: N802
        return {"Plaintext": _DATA_KEY, "CiphertextBlob": _DATA_KEY, "KeyId": call["KeyId"]}

    def _Decrypt(self, call: Json) -> Json:  # noqa: N802
        return {"Plaintext": _DATA_KEY, "KeyId": call.get("KeyId", "")}

    def _GetSecretValue(self, call: Json) -> Json:  # noqa: N802
        name = call["SecretId"]
        return {"Name": name, "SecretString": json.dumps(self._secrets[name])}


class _Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


def _key(table: str, item: Json) -> tuple[str, str]:
    hash_name, range_name = _KEYS[table]
    return item[hash_name]["S"], item[range_name]["S"] if range_name else ""


def terms_of(call: Json, expression: str) -> list[tuple[str, str, str]]:
    """Attribute, comparison and value of each term, the key's hash first."""
    names, values = call["ExpressionAttributeNames"], call["ExpressionAttributeValues"]
    return [(names[name], sign, values[value]["S"]) for name, sign, value in _TERM.findall(call[expression])]
