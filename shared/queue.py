"""The two queues: jobs for the worker, notices for the deliverer. Messages carry ids and nothing else.

A job says only that a calendar, or a connection's list of calendars, may differ. Jobs of one mailbox stay in order
and never run side by side (FIFO message group). Deduplication ids are random on purpose: dropping a repeated job at
the door could drop the one that told of the last change; the worker collapses bursts instead.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import boto3

from shared.model import HostMessage, connection_of, mailbox_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class CalendarJob:
    """This calendar may differ."""

    calendar_id: str


@dataclass(frozen=True, slots=True)
class ConnectionJob:
    """This connection's list of calendars may differ, or it is to be taken apart."""

    connection_id: str


Job = CalendarJob | ConnectionJob


@dataclass(frozen=True, slots=True)
class NoticeRef:
    """Which notice is to be delivered."""

    org: str
    message_id: str


class UnreadableMessage(ValueError):
    """A message that is none of ours; it goes to the dead-letter queue after its tries."""


def encode_job(job: Job) -> str:
    match job:
        case CalendarJob(calendar_id):
            return json.dumps({"calendar_id": calendar_id})
        case ConnectionJob(connection_id):
            return json.dumps({"connection_id": connection_id})


def decode_job(body: str) -> Job:
    """Raises `UnreadableMessage`."""
    match _loads(body):
        case {"calendar_id": str() as calendar_id} if connection_of(calendar_id):
            return CalendarJob(calendar_id)
        case {"connection_id": str() as connection_id} if connection_id:
            return ConnectionJob(connection_id)
        case _:
            raise UnreadableMessage("This message is no job: it names neither a calendar nor a connection.")


def decode_notice(body: str) -> NoticeRef:
    """Raises `UnreadableMessage`."""
    match _loads(body):
        case {"org": str() as org, "id": str() as message_id}:
            return NoticeRef(org, message_id)
        case _:
            raise UnreadableMessage("This message names no notice.")


def group_of(job: Job) -> str:
    """The message group: one per mailbox; a connection's own jobs go with its first mailbox."""
    return mailbox_of(job.calendar_id) if isinstance(job, CalendarJob) else job.connection_id


def _loads(body: str) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnreadableMessage("This message is not JSON.") from error


class JobQueue:
    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _sqs(self) -> SQSClient:
        return boto3.client("sqs")

    def send(self, job: Job) -> None:
        self._sqs.send_message(
            QueueUrl=self._url,
            MessageBody=encode_job(job),
            MessageGroupId=group_of(job),
            MessageDeduplicationId=uuid.uuid4().hex,
        )


class NoticeQueue:
    def __init__(self, url: str) -> None:
        self._url = url

    @cached_property
    def _sqs(self) -> SQSClient:
        return boto3.client("sqs")

    def send(self, message: HostMessage) -> None:
        body = json.dumps({"org": message.org, "id": message.id})
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body)
