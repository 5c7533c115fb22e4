"""One session for all of AWS: endpoints and service models are read once, whichever client needs them first."""

from __future__ import annotations

from functools import cache

import boto3
import botocore.session


@cache
def core_session() -> botocore.session.Session:
    """The session behind `boto3.client`, for libraries that want botocore's own."""
    core = botocore.session.get_session()
    boto3.setup_default_session(botocore_session=core)
    return core
