"""The shapes of Microsoft's answers and requests, as JSON Schema; `graph` says which of them stands where.

Written from the pages of the Graph reference: resource types "event", "calendar", "subscription", "dateTimeTimeZone",
"patternedRecurrence", "mailboxSettings"; "Get incremental changes to events", "Combine multiple requests", "Error
responses". Closed objects: a member that no page names is a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.contract.schemas.wire import Schema, closed

# --- plain values: a member of Graph's may be null unless a page says otherwise ---------------------------------------

_TEXT: Final[Schema] = {"type": ["string", "null"]}
_FLAG: Final[Schema] = {"type": ["boolean", "null"]}
_COUNT: Final[Schema] = {"type": ["integer", "null"], "minimum": -(2**31), "maximum": 2**31 - 1}
_NUMBER: Final[Schema] = {"type": ["number", "null"]}
ID: Final[Schema] = {"type": "string", "minLength": 1}
_GUID: Final[Schema] = {"type": "string", "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"}
INSTANT: Final[Schema] = {
    "type": ["string", "null"],
    "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)$",
}
_DAY: Final[Schema] = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
HTTPS: Final[Schema] = {"type": "string", "pattern": "^https://"}


def _one_of(*words: str) -> Schema:
    return {"enum": [*words, None]}


def _many(items: Schema) -> Schema:
    return {"type": ["array", "null"], "items": items}


_ANNOTATION: Final = r"^[A-Za-z]*@odata\.(context|etag|id|type|nextLink|editLink|associationLink|navigationLink)$"


def _entity(members: Mapping[str, Schema], *, required: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    return closed(members, required=required, patternProperties={_ANNOTATION: {"type": "string"}}, **more)


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


# --- events -----------------------------------------------------------------------------------------------------------

_TIME: Final = _entity(
    {
        "dateTime": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?$"},
        "timeZone": {"type": "string", "minLength": 1},
    },
    required=("dateTime", "timeZone"),
)
_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "daily": (),
    "weekly": ("daysOfWeek", "firstDayOfWeek"),
    "absoluteMonthly": ("dayOfMonth",),
    "relativeMonthly": ("daysOfWeek",),
    "absoluteYearly": ("dayOfMonth", "month"),
    "relativeYearly": ("daysOfWeek", "month"),
}
"""Which members each type of pattern requires (page "Schedule repeating appointments as recurring events")."""


def _when(kind: str, needs: tuple[str, ...], **bounds: Schema) -> Schema:
    return {"if": {"properties": {"type": {"const": kind}}}, "then": {"required": [*needs], "properties": bounds}}


_PATTERN: Final = _entity(
    {
        "type": {"enum": list(_NEEDS)},
        "interval": {"type": "integer", "minimum": 1, "maximum": 999},
        "month": {"type": "integer", "minimum": 0, "maximum": 12},
        "dayOfMonth": {"type": "integer", "minimum": 0, "maximum": 31},
        "daysOfWeek": {"type": "array", "items": {"enum": list(_DAYS)}, "uniqueItems": True},
        "firstDayOfWeek": {"enum": list(_DAYS)},
        "index": {"enum": ["first", "second", "third", "fourth", "last"]},
    },
    required=("type", "interval"),
    allOf=[_when(kind, needs) for kind, needs in _NEEDS.items()],
)
_RANGE: Final = _entity(
    {
        "type": {"enum": ["endDate", "noEnd", "numbered"]},
        "startDate": _DAY,
        "endDate": _DAY,
        "numberOfOccurrences": {"type": "integer", "minimum": 0},
        "recurrenceTimeZone": _TEXT,
    },
    required=("type", "startDate"),
    allOf=[
        _when("endDate", ("endDate",)),
        _when("numbered", ("numberOfOccurrences",), numberOfOccurrences={"minimum": 1}),
    ],
)
_ADDRESS: Final = _entity({"address": _TEXT, "name": _TEXT})
_RECIPIENT: Final = _entity({"emailAddress": _ADDRESS})
_RESPONSE: Final = _entity(
    {
        "response": _one_of("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"),
        "time": INSTANT,
    }
)
_ATTENDEE: Final = _entity(
    {
        "emailAddress": _ADDRESS,
        "type": _one_of("required", "optional", "resource"),
        "status": _or_null(_RESPONSE),
        "proposedNewTime": _or_null(_entity({"start": _TIME, "end": _TIME})),
    }
)
_BODY: Final = _entity({"contentType": _one_of("text", "html"), "content": _TEXT})
_LOCATION: Final = _entity(
    {
        **dict.fromkeys(("displayName", "locationEmailAddress", "locationUri", "uniqueId"), _TEXT),
        "uniqueIdType": _one_of("unknown", "locationStore", "directory", "private", "bing"),
        "locationType": _one_of(
            *(
                "default",
                "conferenceRoom",
                "homeAddress",
                "businessAddress",
                "geoCoordinates",
                "streetAddress",
                "hotel",
            ),
            *("restaurant", "localBusiness", "postalAddress"),
        ),
        "address": _or_null(
            _entity(dict.fromkeys(("street", "city", "state", "countryOrRegion", "postalCode"), _TEXT))
        ),
        "coordinates": _or_null(
            _entity(dict.fromkeys(("accuracy", "altitude", "altitudeAccuracy", "latitude", "longitude"), _NUMBER))
        ),
    }
)
_MEETING: Final = _entity(
    {
        **dict.fromkeys(("conferenceId", "joinUrl", "quickDial", "tollNumber"), _TEXT),
        "phones": _many({"type": "object"}),
        "tollFreeNumbers": _many({"type": "string"}),
    }
)
_PROPERTY: Final = _entity(
    {
        "id": {"type": "string", "pattern": r"^[A-Z][A-Za-z]+ (\{[0-9a-fA-F-]{36}\} (Name .+|Id 0x.+)|0x.+)$"},
        "value": _TEXT,
    },
    required=("id", "value"),
)
_RECURRENCE: Final = _or_null(_entity({"pattern": _PATTERN, "range": _RANGE}, required=("pattern", "range")))

_WRITABLE: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(
        ("allowNewTimeProposals", "hideAttendees", "isAllDay", "isOnlineMeeting", "isReminderOn", "responseRequested"),
        _FLAG,
    ),
    "attendees": _many(_ATTENDEE),
    "body": _or_null(_BODY),
    "categories": _many({"type": "string"}),
    "end": _TIME,
    "importance": _one_of("low", "normal", "high"),
    "location": _or_null(_LOCATION),
    "locations": _many(_LOCATION),
    "onlineMeetingProvider": _one_of("unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer"),
    "recurrence": _RECURRENCE,
    "reminderMinutesBeforeStart": _COUNT,
    "sensitivity": _one_of("normal", "personal", "private", "confidential"),
    "showAs": _one_of("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "singleValueExtendedProperties": _many(_PROPERTY),
    "start": _TIME,
    "subject": _TEXT,
}
_READ_ONLY: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(("hasAttachments", "isCancelled", "isDraft", "isOrganizer"), _FLAG),
    **dict.fromkeys(("createdDateTime", "lastModifiedDateTime", "originalStart"), INSTANT),
    **dict.fromkeys(("bodyPreview", "changeKey", "iCalUId", "onlineMeetingUrl", "webLink"), _TEXT),
    **dict.fromkeys(("originalEndTimeZone", "originalStartTimeZone", "seriesMasterId", "transactionId"), _TEXT),
    "cancelledOccurrences": _many(ID),
    "id": ID,
    "onlineMeeting": _or_null(_MEETING),
    "organizer": _or_null(_RECIPIENT),
    "responseStatus": _or_null(_RESPONSE),
    "type": {"enum": ["singleInstance", "occurrence", "exception", "seriesMaster"]},
}
MEMBERS: Final[Mapping[str, Schema]] = {**_WRITABLE, **_READ_ONLY}
ALWAYS: Final = (
    *("@odata.etag", "id", "createdDateTime", "lastModifiedDateTime", "changeKey", "iCalUId", "subject", "importance"),
    *(
        "sensitivity",
        "isAllDay",
        "isCancelled",
        "isOrganizer",
        "showAs",
        "type",
        "seriesMasterId",
        "recurrence",
        "body",
    ),
    *("start", "end", "attendees", "organizer", "categories", "location", "responseStatus", "originalStartTimeZone"),
)
"""What every example of a whole event holds (page "Get event")."""

_EXCEPTION: Final = _entity(MEMBERS, required=("id", "type"))
EVENT: Final = _entity(
    {**MEMBERS, "exceptionOccurrences": _many(_EXCEPTION), "instances": _many(_EXCEPTION)}, required=("id",)
)
WHOLE: Final = {**EVENT, "required": list(ALWAYS)}
_THIN: Final = ("@odata.etag", "id", "seriesMasterId", "type", "start", "end")
"""All that delta says of an occurrence (page "Get incremental changes to events in a calendar view")."""

CREATED: Final = _entity({**_WRITABLE, "transactionId": _TEXT}, required=("subject", "start", "end"))
PATCHED: Final = _entity(_WRITABLE, minProperties=1)
_REMOVED: Final = closed(
    {
        "id": ID,
        "@odata.type": ID,
        "@removed": closed({"reason": {"enum": ["deleted", "changed"]}}, required=["reason"]),
    },
    required=["id", "@removed"],
)
_LISTED_IN_DELTA: Final = {
    "if": {"required": ["@removed"]},
    "then": _REMOVED,
    "else": {
        "if": {"properties": {"type": {"const": "occurrence"}}},
        "then": _entity({name: MEMBERS[name] for name in _THIN if name in MEMBERS}, required=_THIN),
        "else": WHOLE,
    },
}

# --- the rest ---------------------------------------------------------------------------------------------------------

_COLOURS: Final = (
    *("lightBlue", "lightGreen", "lightOrange", "lightGray", "lightYellow", "lightTeal", "lightPink", "lightBrown"),
    "lightRed",
)
_PROVIDERS: Final = ("unknown", "teamsForBusiness", "skypeForBusiness", "skypeForConsumer")
CALENDAR: Final = _entity(
    {
        **dict.fromkeys(("canEdit", "canShare", "canViewPrivateItems", "isDefaultCalendar"), _FLAG),
        **dict.fromkeys(("isRemovable", "isTallyingResponses"), _FLAG),
        **dict.fromkeys(("changeKey", "hexColor", "name"), _TEXT),
        "allowedOnlineMeetingProviders": _many({"enum": list(_PROVIDERS)}),
        "color": _one_of("auto", *_COLOURS, "maxColor"),
        "defaultOnlineMeetingProvider": _one_of(*_PROVIDERS),
        "id": ID,
        "owner": _or_null(_ADDRESS),
    },
    required=("id",),
)
USER: Final = _entity(
    {
        **dict.fromkeys(("displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation"), _TEXT),
        **dict.fromkeys(("preferredLanguage", "surname", "userPrincipalName", "userType", "mailNickname"), _TEXT),
        "accountEnabled": {"type": ["boolean", "null"]},
        "businessPhones": {"type": "array", "items": {"type": "string"}},
        "id": ID,
    }
)
"""Resource type "user", what little of it is of use."""
ORGANIZATION: Final = _entity(
    {"displayName": _TEXT, "id": ID, "verifiedDomains": {"type": "array", "items": {"type": "object"}}}
)
MAILBOX: Final = _entity(
    {
        **dict.fromkeys(("archiveFolder", "dateFormat", "timeFormat", "timeZone", "userPurpose"), _TEXT),
        "delegateMeetingMessageDeliveryOptions": _TEXT,
        "automaticRepliesSetting": {"type": ["object", "null"]},
        "language": _or_null(_entity({"locale": _TEXT, "displayName": _TEXT})),
        "workingHours": {"type": ["object", "null"]},
    }
)
_SUBSCRIBED: Final[Mapping[str, Schema]] = {
    "changeType": {"type": "string", "pattern": "^(created|updated|deleted)(,(created|updated|deleted)){0,2}$"},
    "clientState": {"type": ["string", "null"], "maxLength": 128},
    "expirationDateTime": {**INSTANT, "type": "string"},
    "includeResourceData": _FLAG,
    "latestSupportedTlsVersion": _one_of("v1_0", "v1_1", "v1_2", "v1_3"),
    "lifecycleNotificationUrl": _or_null(HTTPS),
    "notificationUrl": HTTPS,
    "resource": ID,
    **dict.fromkeys(("encryptionCertificate", "encryptionCertificateId", "notificationQueryOptions"), _TEXT),
    "notificationUrlAppId": _TEXT,
}
SUBSCRIBE: Final = closed(
    # An address that is not https is Graph's to refuse: it says that nothing can be delivered there.
    {**_SUBSCRIBED, **dict.fromkeys(("notificationUrl", "lifecycleNotificationUrl"), ID)},
    required=["changeType", "notificationUrl", "resource", "expirationDateTime", "clientState"],
)
RENEW: Final = closed(
    {"expirationDateTime": _SUBSCRIBED["expirationDateTime"], "notificationUrl": HTTPS},
    required=["expirationDateTime"],
)
SUBSCRIPTION: Final = _entity(
    {**_SUBSCRIBED, "id": ID, "applicationId": _TEXT, "creatorId": _TEXT, "notificationContentType": _TEXT},
    required=("id", "resource", "changeType", "notificationUrl", "expirationDateTime"),
)
ERROR: Final = closed(
    {
        "error": closed(
            {
                "code": ID,
                "message": {"type": "string"},
                "target": _TEXT,
                "details": {"type": "array"},
                "innerError": closed(dict.fromkeys(("date", "request-id", "client-request-id", "code"), _TEXT)),
                "@event.existingEventId": _TEXT,
            },
            required=["code", "message"],
        )
    },
    required=["error"],
)
BATCH: Final = closed(
    {
        "requests": {
            "type": "array",
            "minItems": 1,
            "maxItems": 20,
            "items": closed(
                {
                    "id": ID,
                    "method": {"enum": ["GET", "POST", "PATCH", "PUT", "DELETE"]},
                    "url": {"type": "string", "pattern": "^/"},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                    "body": {"type": "object"},
                    "dependsOn": {"type": "array", "items": ID, "minItems": 1},
                },
                required=["id", "method", "url"],
            ),
        }
    },
    required=["requests"],
)
BATCHED: Final = closed(
    {
        "@odata.context": ID,
        "@odata.nextLink": HTTPS,
        "responses": {
            "type": "array",
            "items": closed(
                {
                    "id": ID,
                    "status": {"type": "integer", "minimum": 200, "maximum": 599},
                    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                    "body": {},
                },
                required=["id", "status"],
            ),
        },
    },
    required=["responses"],
)
_NOTIFICATION: Final = closed(
    {
        "id": _TEXT,
        "subscriptionId": _GUID,
        "subscriptionExpirationDateTime": {**INSTANT, "type": "string"},
        "clientState": {"type": ["string", "null"], "maxLength": 128},
        "changeType": {"enum": ["created", "updated", "deleted"]},
        "lifecycleEvent": {"enum": ["missed", "subscriptionRemoved", "reauthorizationRequired"]},
        "resource": _TEXT,
        "resourceData": _or_null(
            closed(dict.fromkeys(("@odata.type", "@odata.id", "@odata.etag", "id"), ID), required=["id"])
        ),
        "organizationId": _GUID,
        "tenantId": _GUID,
    },
    required=["subscriptionId", "subscriptionExpirationDateTime", "clientState", "tenantId"],
    oneOf=[{"required": ["changeType", "resource", "resourceData"]}, {"required": ["lifecycleEvent"]}],
)
NOTIFICATIONS: Final = closed(
    {"value": {"type": "array", "minItems": 1, "items": _NOTIFICATION}, "validationTokens": _many(ID)},
    required=["value"],
)


def page(items: Schema) -> dict[str, Any]:
    return closed(
        {"@odata.context": ID, "@odata.nextLink": HTTPS, "@odata.count": {"type": "integer"}, "value": _many(items)},
        required=["value"],
    )


DELTA: Final = closed(
    {
        "@odata.context": ID,
        "@odata.nextLink": HTTPS,
        "@odata.deltaLink": HTTPS,
        "value": {"type": "array", "items": _LISTED_IN_DELTA},
    },
    required=["value"],
    oneOf=[{"required": ["@odata.nextLink"]}, {"required": ["@odata.deltaLink"]}],
)
