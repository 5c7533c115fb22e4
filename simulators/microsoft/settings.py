"""The knobs of a world: limits, and switches for what no stored document states, so that both ways can be tested.

Each default is the way that hurts a careless client more.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass
class Settings:
    """Knobs that a test or `POST /control/settings` may turn."""

    # Identity
    access_token_seconds: int = 3600
    refresh_token_idle_days: float = 90.0
    scope_form: Literal["echo", "url"] = "echo"
    """`url`: the token reply names scopes as `https://graph.microsoft.com/Calendars.ReadWrite`."""
    blocked_consent_code: int = 90094
    """What a user hears where users may not consent themselves."""
    blocked_consent_error: str = "consent_required"
    msgraph_host: str | None = None
    """None: the simulator's own host and port."""

    # Limits
    requests_per_ten_minutes: int = 10_000
    concurrent_per_mailbox: int = 4
    latency_seconds: float = 0.0
    """Every Graph call takes that long; for measuring how many overlap."""

    # Events
    duplicate_transaction_status: int = 409
    duplicate_transaction_names_event: bool = False
    if_match: Literal["honoured", "ignored"] = "honoured"
    any_write_mails: bool = True
    """False: a write that touches only reminder, categories, showAs or extended properties mails nobody."""
    clamp_month_end: bool = True
    """True: the 31st of a short month is its last day; False: short months are skipped."""
    max_attendees: int = 500
    normalise_bodies: bool = True
    utc_patch_replies: bool = True

    # Delta
    sync_lost_status: int = 410
    sync_lost_code: str = "SyncStateNotFound"
    sync_lost_location: bool = True
    delta_token_days: float = 30.0
    empty_pages: Literal["initial", "always", "never"] = "initial"
    replays: bool = True
    """The last item of a page comes again at the head of the next."""
    shuffled: bool = True
    removed_outside_window: bool = True
    deleted_occurrence: Literal["series", "removed", "silent"] = "series"
    """`series`: the whole series comes again without it; `removed`: also an @removed for it; `silent`: nothing."""
    exception_brings_series: bool = True
    removed_series: Literal["master", "all"] = "master"
    secondary_delta: bool = True
    """False: delta serves the default calendar only."""
    default_page_size: int = 10

    # Subscriptions
    subscription_max_minutes: int = 10_080
    subscription_min_minutes: int = 45
    long_subscriptions: Literal["refuse", "cap"] = "refuse"
    mailbox_events_cover: Literal["default", "all"] = "default"
    """Which calendars `/me/events` reports."""
    calendar_subscriptions: Literal["deliver", "silent", "refuse"] = "deliver"
    """`/me/calendars/{id}/events` is not documented."""
    duplicate_subscriptions: Literal["refuse", "allow"] = "refuse"
    """Another one by the same maker for the same calendar and kinds of change."""
    subscriptions_per_mailbox: int = 1000
    punish_slow_endpoints: bool = False
    """True: more than 10 % slower than 3 s delays by ten minutes, more than 15 % slower than 10 s drops."""
    batch_depends_on: bool = False


@dataclass
class PushRule:
    """What happens to the next notifications: `drop`, `double` or `delay`."""

    mode: Literal["drop", "double", "delay"]
    times: int | None = None
    seconds: float = 5.0
    subscription: str | None = None
