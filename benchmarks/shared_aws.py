"""AWS for several processes at once: `benchmarks.aws` on one file that they share, with the job queue in it.

What SQS does with a FIFO queue is done here: a group that has a message in flight, or one that is hidden, gives out no
other; a receive takes the oldest of the rest. Beside that it notes when each person came to be in step, and what each
job took. Conditions are still not evaluated: a mailbox has one worker at a time, and each row here belongs to one.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.aws import Json, LocalAws, terms_of

IN_FLIGHT_MS = 1_800_000
_SCHEMA = """
pragma journal_mode = wal; pragma synchronous = off; pragma cache_size = -2000;
create table if not exists items (tbl text, hash text, range text, sort text, item text);
create unique index if not exists by_key on items (tbl, hash, range);
create index if not exists by_sort on items (tbl, hash, sort, range) where sort is not null;
create table if not exists messages
  (id integer primary key, grp text, body text, sent_ms int, first_ms int, tries int, visible_ms int);
create table if not exists in_step (connection text primary key, at real);
create table if not exists jobs (worker int, grp text, began real, ended real, resident_mb real);
create table if not exists marks (name text primary key, at real);
"""
_INDEXES = {
    "by-owner": ("owner", "id"),
    "by-account": ("account_key", "id"),
    "by-organization": ("member_of", "user_id"),
}
_ASSIGNED = re.compile(r"(#\w+) = (:\w+)")


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    group: str
    body: str
    sent_ms: int
    first_ms: int
    tries: int


class SharedAws(LocalAws):
    def __init__(self, path: Path, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=120)
        self._db.executescript(_SCHEMA)
        self._secrets = secrets
        self.calls, self.items, self.cpu = Counter[str](), Counter[str](), 0.0

    # --- DynamoDB

    def _UpdateItem(self, call: Json) -> Json:  # noqa: N802
        return {"Attributes": self._update(call)}

    def _TransactWriteItems(self, call: Json) -> Json:  # noqa: N802
        self._db.execute("begin immediate")
        for entry in call["TransactItems"]:
            match entry:
                case {"Put": put}:
                    self._put(put["TableName"], put["Item"])
                case {"Update": update}:
                    self._update(update)
                case {"Delete": delete}:
                    self._delete(delete["TableName"], delete["Key"])
                case {"ConditionCheck": _}:
                    self.items["checked"] += 1
        self._db.execute("commit")
        return {}

    def _update(self, call: Json) -> Json:
        table, names = call["TableName"], call["ExpressionAttributeNames"]
        item = self._read(table, call["Key"]) or dict(call["Key"])
        assigned, _, removed = call["UpdateExpression"].partition("REMOVE")
        for name, value in _ASSIGNED.findall(assigned):
            item[names[name]] = call["ExpressionAttributeValues"][value]
        for name in removed.replace(",", " ").split():
            item.pop(names[name], None)
        self._put(table, item)
        return item

    def _put(self, table: str, item: Json) -> None:
        super()._put(table, item)
        if table == "connections" and item.get("in_step", {}).get("BOOL"):
            self._db.execute("insert or ignore into in_step values (?, ?)", (item["id"]["S"], time.time()))

    def _Query(self, call: Json) -> Json:  # noqa: N802
        keys = _INDEXES.get(call.get("IndexName", ""))
        if keys is None:
            return super()._Query(call)
        hash_name, range_name = keys
        (_, _, wanted), *more = terms_of(call, "KeyConditionExpression")
        rows = [json.loads(text) for (text,) in self._db.execute("select item from items where tbl = 'connections'")]
        found = [row for row in rows if row.get(hash_name, {}).get("S") == wanted]
        found = [row for row in found if all(row[range_name]["S"] > value for _, _, value in more)]
        items = sorted(found, key=lambda row: str(row[range_name]["S"]))[: call.get("Limit", len(found))]
        return {"Items": items, "Count": len(items), "ScannedCount": len(items)}

    # --- SQS

    def _SendMessage(self, call: Json) -> Json:  # noqa: N802
        if "MessageGroupId" in call:
            now = _now_ms()
            row = (call["MessageGroupId"], call["MessageBody"], now, 0, 0, 0)
            sql = "insert into messages (grp, body, sent_ms, first_ms, tries, visible_ms) values (?, ?, ?, ?, ?, ?)"
            self._db.execute(sql, row)
        return {"MessageId": "message"}

    def _ChangeMessageVisibility(self, call: Json) -> Json:  # noqa: N802
        until = _now_ms() + 1000 * int(call["VisibilityTimeout"])
        self._db.execute("update messages set visible_ms = ? where id = ?", (until, int(call["ReceiptHandle"])))
        return {}

    def receive(self, at_most: int) -> list[Message] | None:
        """Messages that are in flight from now on; None if there is none left at all, in flight or hidden included."""
        self._db.execute("begin immediate")
        now, taken, closed = _now_ms(), list[Message](), set[str]()
        rows = self._db.execute("select id, grp, body, sent_ms, first_ms, tries, visible_ms from messages order by id")
        found = rows.fetchall()
        for number, group, body, sent_ms, first_ms, tries, visible_ms in found:
            if visible_ms > now:
                closed.add(group)
            elif group not in closed and len(taken) < at_most:
                taken.append(Message(number, group, body, sent_ms, first_ms or now, tries + 1))
        for one in taken:
            sql = "update messages set first_ms = ?, tries = ?, visible_ms = ? where id = ?"
            self._db.execute(sql, (one.first_ms, one.tries, now + IN_FLIGHT_MS, one.id))
        self._db.execute("commit")
        return taken if found else None

    def release(self, message: Message) -> None:
        """To be seen again when what stands before it in its group is."""
        self._db.execute("update messages set visible_ms = 0, tries = tries - 1 where id = ?", (message.id,))

    def done(self, message: Message) -> None:
        self._db.execute("delete from messages where id = ?", (message.id,))

    # --- what is noted

    def note_job(self, worker: int, group: str, began: float, resident_mb: float) -> None:
        row = (worker, group, began, time.time(), resident_mb)
        self._db.execute("insert into jobs values (?, ?, ?, ?, ?)", row)

    def mark(self, name: str) -> None:
        self._db.execute("insert or ignore into marks values (?, ?)", (name, time.time()))

    def marks(self) -> dict[str, float]:
        return dict(self._db.execute("select name, at from marks"))

    def noted(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: self._db.execute(f"select * from {name}").fetchall() for name in ("in_step", "jobs", "messages")}


def _now_ms() -> int:
    return int(time.time() * 1000)
