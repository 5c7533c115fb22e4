"""Listings: events (series and single ones), instances of a series, the calendar view.

Ordered, filtered and selected by OData; pages follow each other by `$skip` in a nextLink.
"""

from urllib.parse import quote, urlencode

from simulators.common.wire import Json
from simulators.microsoft import errors, items, odata, render, zones
from simulators.microsoft.call import Call
from simulators.microsoft.items import Item
from simulators.microsoft.model import Calendar

_PAGING = ("$top", "$skip", "$select", "$filter", "$orderby", "$expand", "$count")
_WINDOW = ("startDateTime", "endDateTime")
Found = list[tuple[Calendar, Item]]


def list_events(call: Call) -> Json:
    odata.check(call.query, _PAGING)
    found: Found = [
        (calendar, items.whole(record))
        for calendar in _calendars(call)
        for record in calendar.events.values()
        if not record.gone
    ]
    return _page(call, found)


def instances(call: Call) -> Json:
    odata.check(call.query, (*_PAGING, *_lower(call)))
    begins, ends = window(call)
    calendar, record, day = call.found()
    if record.recurrence is None or day:
        raise errors.bad_request("Your request can't be completed. The event is not a recurring series master.")
    return _page(call, [(calendar, item) for item in items.in_window(call.world, record, begins, ends)])


def calendar_view(call: Call) -> Json:
    odata.check(call.query, (*_PAGING, *_lower(call)))
    begins, ends = window(call)
    calendar = call.calendar()
    found = [
        (calendar, item)
        for record in calendar.events.values()
        if not record.gone
        for item in items.in_window(call.world, record, begins, ends)
    ]
    return _page(call, sorted(found, key=lambda pair: pair[1].starts_at))


def window(call: Call) -> tuple[float, float]:
    given = {name.lower(): value for name, value in call.query.items()}
    begins = zones.bound(given.get("startdatetime"), "startDateTime")
    ends = zones.bound(given.get("enddatetime"), "endDateTime")
    if ends < begins:
        raise errors.GraphError(400, "ErrorInvalidParameter", "EndDateTime is before StartDateTime.")
    if ends - begins > 1825 * items.DAY:
        raise errors.GraphError(400, "ErrorInvalidParameter", "The requested time duration exceeds 1825 days.")
    return begins, ends


def _lower(call: Call) -> list[str]:
    """The names of the window's bounds, however they were written."""
    return [name for name in call.query if name.lower() in {"startdatetime", "enddatetime"}]


def _calendars(call: Call) -> list[Calendar]:
    """The calendar of the path; for `/me/events` all of the mailbox's own."""
    if "calendarId" in call.path or call.foreign:
        return [call.calendar()]
    return [c for c in call.world.calendars.values() if c.owner == call.mailbox.email and not c.deleted]


def _page(call: Call, found: Found) -> Json:
    query = call.query
    top = odata.number(query, "$top", call.page_size or call.world.settings.default_page_size, 1000)
    skip = odata.number(query, "$skip", 0, 10**9)
    tests = odata.tests(query.get("$filter"))
    if tests or query.get("$orderby"):
        found = _sifted(call, found, tests)
    shown = [render.shaped(call, calendar, item) for calendar, item in found[skip : skip + top]]
    page: Json = {"@odata.context": f"{call.base_url}/v1.0/$metadata#Collection(event)", "value": shown}
    if query.get("$count") == "true":
        page["@odata.count"] = len(found)
    if len(found) > skip + top:
        following = {name: value for name, value in query.items() if name != "$skip"} | {"$skip": str(skip + top)}
        page["@odata.nextLink"] = link(call, following)
    return page


def _sifted(call: Call, found: Found, tests: list[odata.Test]) -> Found:
    rows = []
    for calendar, item in found:
        seen = render.full(call, calendar, item, zone="UTC")
        if all(test(seen, item.extended) for test in tests):
            rows.append((seen, (calendar, item)))
    by_id = {id(seen): pair for seen, pair in rows}
    return [by_id[id(seen)] for seen in odata.sort([seen for seen, _ in rows], call.query.get("$orderby"))]


def link(call: Call, query: Json) -> str:
    return f"{call.base_url}{quote(call.url_path)}?{urlencode(query, quote_via=quote, safe='$')}"
