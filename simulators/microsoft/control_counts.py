"""What the control interface counts: calls, overlap, mails, subscriptions and deliveries, grants."""

from dataclasses import asdict

from flask import Blueprint

from simulators.common.wire import Json
from simulators.microsoft import notifications, zones
from simulators.microsoft.world import MicrosoftWorld


def add_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    _call_routes(blueprint, world)

    @blueprint.get("/mails")
    def mails() -> Json:
        return {"count": len(world.mails), "mails": world.mails}

    @blueprint.delete("/mails")
    def clear_mails() -> Json:
        world.mails.clear()
        return {"count": 0}

    @blueprint.get("/subscriptions")
    def subscriptions() -> Json:
        with world.lock:
            alive = {s.id for s in notifications.live(world)}
            shown = [
                asdict(s) | {"live": s.id in alive, "expires": zones.plain_stamp(s.expires_at)}
                for s in world.subscriptions.values()
            ]
        return {
            "subscriptions": shown,
            "deliveries": asdict(world.courier.delivered),
            "waiting": world.courier.waiting,
            "endpoints": {host: seen.shown() for host, seen in world.courier.endpoints.items()},
        }

    @blueprint.get("/grants")
    def grants() -> Json:
        with world.lock:
            return {
                "grants": [
                    asdict(g)
                    | {
                        "refresh_tokens": sum(
                            (t.client_id, t.email) == (g.client_id, g.email) for t in world.refresh_tokens.values()
                        )
                    }
                    for g in world.grants.values()
                ]
            }


def _call_routes(blueprint: Blueprint, world: MicrosoftWorld) -> None:
    @blueprint.get("/calls")
    def calls() -> Json:
        with world.lock:
            graph = {name: n for name, n in world.calls.items() if not name.startswith("oauth.")}
            return {
                "total": sum(world.calls.values()),
                "graph": sum(n for name, n in graph.items() if name != "subscriptions.handshake")
                - sum(world.steps.values()),
                "steps": dict(world.steps),
                "by_method": dict(world.calls),
                "by_status": {str(k): v for k, v in world.call_statuses.items()},
                "peak_concurrency": dict(world.peaks),
                "peak_by_app": dict(world.app_peaks),
                "throttled": {key: n for key, n in world.throttled.items() if n},
                "recent": list(world.recent_calls)[-50:],
            }

    @blueprint.delete("/calls")
    def clear_calls() -> Json:
        with world.lock:
            for counter in (world.calls, world.steps, world.peaks, world.app_peaks, world.throttled):
                counter.clear()
            world.call_statuses.clear()
            world.recent_calls.clear()
            world.spent.clear()
        return {"total": 0}
