"""Give dead jobs or notices of a deployed stack another try.

`make replay STACK=lockstep-prod QUEUE=jobs` shows what lies in the dead-letter queue and asks before it sends anything
again; `python scripts/replay.py --stack … --queue … --yes` does not ask. Ends with 0 when all was sent again or
nothing was there, 1 when the answer was no, 2 when the stack cannot be read. Uses the caller's own AWS credentials.
"""

# ruff: noqa: T201 (it talks to a person)

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from shared.dead_letters import DeadLetter, DeadLetters

OUTPUTS = {"jobs": ("JobsDlqUrl", "JobsUrl"), "notices": ("NoticesDlqUrl", "NoticesUrl")}
"""Queue → the stack's outputs that name its dead-letter queue and itself."""

SHOWN = 20
AT_ONCE = 1000


class StackUnreadable(Exception):
    """The stack is not there, is none of ours, or may not be read; the message says which."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Give dead jobs or notices another try.")
    parser.add_argument("--stack", required=True, help="the stack's name, such as lockstep-prod")
    parser.add_argument("--queue", choices=sorted(OUTPUTS), default="jobs")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    given = parser.parse_args(arguments)
    try:
        letters = dead_letters(given.stack, given.queue)
    except StackUnreadable as problem:
        print(problem, file=sys.stderr)
        return 2
    found = letters.peek(SHOWN)
    if not found:
        print(f"{given.stack} has no dead {given.queue}.")
        return 0
    show(found)
    if not given.yes and input(f"Send the dead {given.queue} of {given.stack} again? [y/N] ").strip().lower() != "y":
        print("Nothing was sent.")
        return 1
    count = 0
    while (sent := letters.replay(AT_ONCE)) > 0:
        count += sent
        if sent < AT_ONCE:
            break
    print(f"Sent again: {count}.")
    return 0


def dead_letters(stack: str, queue: str) -> DeadLetters:
    """The stack's dead-letter queue. Raises `StackUnreadable`."""
    try:
        (described,) = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except (ClientError, BotoCoreError) as error:
        raise StackUnreadable(f"The stack {stack} cannot be read: {error}") from error
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    missing = [name for name in OUTPUTS[queue] if name not in outputs]
    if missing:
        raise StackUnreadable(f"The stack {stack} has no output {', '.join(missing)}. Is it one of Lockstep?")
    dead_url, live_url = (outputs[name] for name in OUTPUTS[queue])
    return DeadLetters(dead_url, live_url)


def show(letters: Sequence[DeadLetter]) -> None:
    for letter in letters:
        sent = datetime.fromtimestamp(letter.sent_ms / 1000, UTC)
        print(f"{sent:%Y-%m-%d %H:%M:%S}Z  {letter.body}")
    if len(letters) == SHOWN:
        print("… and perhaps more.")


if __name__ == "__main__":
    sys.exit(main())
