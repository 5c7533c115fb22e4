"""The knobs of a world: limits, and switches for what no stored document states, so that both ways can be tested.

Each default is the way that hurts a careless client more.
"""

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Settings:
    """Knobs that a test or `POST /control/settings` may turn."""

    # Identity
    access_token_seconds: int = 3600
    refresh_token_idle_days: float = 90.0
    scope_form: Literal["echo", "url"] = "echo"
    """`url`: the token reply names scopes as `https://graph.microsoft.com/Calendars.ReadWrite`."""
    withheld_scopes: list[str] = field(default_factory=list)
    """Token replies lack these, however they were asked for; without `offline_access` there is no refresh token."""
    blocked_consent_code: int = 90094
    """What a user hears where users may not consent themselves."""
    blocked_consent_error: str = "consent_required"
    cloud: str = "worldwide"
    """The one this simulator plays, a key of `clouds.CLOUDS`; a tenant of another one is only told where to go."""
    msgraph_host: str | None = None
    """None: the simulator's own host and port."""
    consent_answers_tenant: str | None = None
    """The tenant that the administrator's consent comes back with, instead of the one that consented."""
    replayed_assertions: Literal["accepted", "refused"] = "accepted"
    """Whether a client assertion works twice. MSAL uses each for nine minutes."""

    # Organisations
    rbac_delay_seconds: float = 0.0
    """How long Exchange goes by the old assignments after a change: half an hour to two hours in truth."""
    rbac_subscriptions: Literal["allowed", "refused"] = "allowed"
    """Whether an assignment alone, without an application permission, lets an app subscribe."""
    no_mailbox_code: Literal["MailboxNotEnabledForRESTAPI", "ResourceNotFound"] = "MailboxNotEnabledForRESTAPI"
    no_permission_status: Literal[403, 404] = 404
    """What a person hears of a calendar that nobody has shared with them."""
    free_busy_events: Literal["masked", "refused"] = "masked"
    """Who may see only free and busy reads events called "Busy", or none."""

    # Limits
    requests_per_ten_minutes: int = 10_000
    concurrent_per_mailbox: int = 4
    app_requests_per_ten_seconds: int = 130_000
    """Of one app over all its mailboxes and tenants."""
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

    # Batches
    batch_unordered: Literal["at_once", "four_at_a_time"] = "at_once"
    """How steps without order are passed on to Outlook: all together, so that the fifth is one too many, as was seen
    until 2022; or as Microsoft's page says since."""
    batch_shapes: Literal["pure", "any"] = "pure"
    """`pure`: every step names the one before it, or none does; anything else is refused."""


@dataclass
class PushRule:
    """What happens to the next notifications: `drop`, `double` or `delay`."""

    mode: Literal["drop", "double", "delay"]
    times: int | None = None
    seconds: float = 5.0
    subscription: str | None = None
