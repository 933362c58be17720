"""The parts that the OpenAPI document refers to: what answers hold, header fields, and where tokens are carried."""

from collections.abc import Mapping

from gateway.core.decide import Reason
from gateway.core.ticket import MAX_NUMBER, MAX_TOKEN
from gateway.web.pages.views import RoomState
from gateway.web.tokens import PASS_COOKIE, PASS_HEADER, TICKET_COOKIE, TICKET_HEADER

Json = Mapping[str, object]
PLACE_REASONS = (Reason.QUEUE, Reason.PREQUEUE, Reason.PAUSED, Reason.CLOSED, Reason.EXHAUSTED, Reason.STORE_DOWN)
PROBLEM_CODES = (
    "bad_json",
    "bad_path",
    "bad_request",
    "bad_form",
    "body_timeout",
    "body_too_large",
    "cross_site",
    "entry",
    "full",
    "limited",
    "method_not_allowed",
    "no_pass",
    "no_place",
    "no_such_room",
    "no_such_ticket",
    "not_found",
    "store_down",
)
"""Every `code` of a problem below `/_talon/`."""

CACHING = ("no-store", "public, max-age=1", "public, max-age=300")
"""Every `Cache-Control` below `/_talon/`."""

_STATE: Json = {"type": "string", "enum": [state.value for state in RoomState]}
_COUNT: Json = {"type": "integer", "minimum": 0}
_SECONDS: Json = {"type": "number", "minimum": 0}
_SOME_COUNT: Json = {"type": ["integer", "null"], "minimum": 0}
_SOME_SECONDS: Json = {"type": ["number", "null"], "minimum": 0}
_HASH: Json = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_TOKEN: Json = {"type": "string", "minLength": 1, "maxLength": MAX_TOKEN}
_PLACE: Json = {
    "ticket": _TOKEN,
    "lane": {"type": "string"},
    "number": {"type": "integer", "minimum": 1, "exclusiveMaximum": MAX_NUMBER},
    "turn": {**_SOME_COUNT, "minimum": 1, "description": "Called when serving reaches it; null before an opening."},
    "ahead": {**_SOME_COUNT, "description": "Visits of the lane before this one; null when unknown."},
    "position": {**_SOME_COUNT, "minimum": 1, "description": "ahead + 1."},
    "eta_known": {"type": "boolean", "description": "Whether a range can be given now."},
    "eta_seconds_low": {**_SOME_SECONDS, "description": "Eight of ten waits end between low and high."},
    "eta_seconds_high": _SOME_SECONDS,
    "eta_reason": {"type": ["string", "null"], "description": "Why the range became longer: backend or lanes."},
    "place_code": {
        "type": ["string", "null"],
        "pattern": "^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$",
        "description": "For POST /_talon/places on another device.",
    },
    "opens_at": {"type": "integer", "description": "Time of the opening that the place waits for, since 1970."},
    "seed_hash": {**_HASH, "description": "SHA-256 of the seed of its shuffle."},
}
_BEFORE_OPENING = ("opens_at", "seed_hash")
_WAIT: Json = {"type": "integer", "minimum": 1, "description": "Whole seconds until to ask again."}


def schemas(room: Json) -> Json:
    """Return the schemas of all bodies by name; `room` is the schema of a room's name."""
    return {
        "Problem": _problem(room),
        "Standing": {
            "description": "Where a visit stands; told apart by state.",
            "oneOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Place", "Admitted", "Open")],
        },
        "Place": _place(room),
        "Moved": _moved(room),
        "Admitted": _admitted(room),
        "Open": _object({"state": {"const": "open"}, "room": room}, "The room only observes: go in without a pass."),
        "NowServing": _now_serving(room),
        "LaneNow": _lane_now(),
        "Opening": _opening(),
        "Status": _status(room),
        "OpenApi": {
            "type": "object",
            "description": "An OpenAPI document.",
            "properties": {"openapi": {"type": "string", "pattern": r"^3\.1\."}},
            "required": ["openapi"],
        },
    }


def _object(properties: Json, description: str, *optional: str) -> dict[str, object]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "description": description, "properties": properties, "required": required}


def _problem(room: Json) -> Json:
    members: Json = {
        "type": {"const": "about:blank"},
        "title": {"type": "string", "description": "For people."},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "code": {"type": "string", "enum": list(PROBLEM_CODES), "description": "For programs."},
        "retry_after": _WAIT,
        "room": room,
        **_PLACE,
        "ticket": {**_TOKEN, "description": "The place that is kept; or with code entry what to bring next time."},
        "proof_bits": {"type": "integer", "minimum": 1, "description": "Zero bits of the proof to bring with ticket."},
    }
    return _object(members, "A problem document (RFC 9457).", "retry_after", "room", *_PLACE, "ticket", "proof_bits")


def _place(room: Json) -> Json:
    members: Json = {
        "state": {"const": "waiting"},
        "room": room,
        "reason": {"type": "string", "enum": [reason.value for reason in PLACE_REASONS]},
        "retry_after": _WAIT,
        **_PLACE,
    }
    return _object(members, "A place in the queue.", *_BEFORE_OPENING)


def _moved(room: Json) -> Json:
    members: Json = {"state": {"const": "waiting"}, "room": room, **_PLACE}
    return _object(members, "A place that was taken to this device.", *_BEFORE_OPENING)


def _admitted(room: Json) -> Json:
    members: Json = {
        "state": {"const": "admitted"},
        "room": room,
        "pass": {"type": "string", "minLength": 1, "description": "A JWT, for the header Talon-Pass."},
        "expires_at": {**_SECONDS, "description": "Seconds since 1970."},
    }
    return _object(members, "The turn has come.")


def _now_serving(room: Json) -> Json:
    members: Json = {
        "room": room,
        "state": _STATE,
        "epoch": {"type": "string", "description": "Changes when the queue was made anew."},
        "at": {"type": "integer", "description": "The store's clock, seconds since 1970."},
        "advice": _object(
            {
                "quieter_after": {
                    **_SOME_SECONDS,
                    "description": "Seconds since 1970; null when not known.",
                }
            },
            "What the forecast advises.",
        ),
        "lanes": {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/LaneNow"}},
        "opening": {"$ref": "#/components/schemas/Opening"},
    }
    return _object(members, "What a room shows to everybody.", "epoch", "at", "advice", "opening")


def _opening() -> Json:
    borders = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}
    members: Json = {
        "opens_at": {"type": "integer", "description": "Seconds since 1970."},
        "seed_hash": {**_HASH, "description": "SHA-256 of the seed, known before the opening."},
        "seed": {"type": ["string", "null"], "pattern": _HASH["pattern"], "description": "Null before the opening."},
        "cohort": {
            "type": "object",
            "additionalProperties": borders,
            "description": "By lane the numbers (first, last): tickets first+1..last were shuffled.",
        },
    }
    return _object(members, "The opening that is ahead, or the last one.", "cohort")


def _lane_now() -> Json:
    members: Json = {
        "serving": {**_COUNT, "description": "Last position called: the turn of who is next is above it."},
        "issued": {**_COUNT, "description": "Highest number handed out."},
        "rate": {**_SECONDS, "description": "Visits per second."},
        "newcomer_wait": {
            "type": ["array", "null"],
            "items": _SECONDS,
            "minItems": 2,
            "maxItems": 2,
            "description": "Range of the wait in seconds for who joins now; null when unknown.",
        },
    }
    return _object(members, "A lane of a room.")


def _status(room: Json) -> Json:
    one = _object({"name": room, "state": _STATE, "waiting": _SOME_COUNT}, "A room.")
    members: Json = {"store_up": {"type": "boolean"}, "rooms": {"type": "array", "items": one}}
    return _object(members, "How the rooms are.")


def _header(schema: Json, description: str, *, required: bool = False) -> Json:
    return {"description": description, "required": required, "schema": schema}


HEADERS: Json = {
    "Retry-After": _header({"type": "integer", "minimum": 1}, "Whole seconds until to ask again."),
    "ETag": _header({"type": "string", "pattern": '^"[0-9a-f]{16}"$'}, "For If-None-Match.", required=True),
    "Cache-Control": _header({"enum": list(CACHING)}, "Who may keep the answer, and how long.", required=True),
    "Set-Cookie": _header({"type": "string"}, "The ticket, the pass, or a choice of the visitor."),
    "Location": _header({"type": "string", "pattern": "^/([^/]|$)"}, "A path of this site.", required=True),
    "Talon-Visit-Id": _header({"type": "string"}, "The visit that holds the pass; absent where none is needed."),
}
SECURITY: Json = {
    "ticketCookie": {"type": "apiKey", "in": "cookie", "name": TICKET_COOKIE},
    "ticketHeader": {"type": "apiKey", "in": "header", "name": TICKET_HEADER},
    "passCookie": {"type": "apiKey", "in": "cookie", "name": PASS_COOKIE},
    "passHeader": {"type": "apiKey", "in": "header", "name": PASS_HEADER},
}
