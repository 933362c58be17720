"""The part of the OpenAPI document about the way in: places moved by their code, and the look for cookies."""

from collections.abc import Mapping

from gateway.web.openapi_parts import empty, parameter, problem, with_json

Json = Mapping[str, object]
_FORM = "application/x-www-form-urlencoded"


def places_path(room: Json, *, named: bool) -> Json:
    """Return the address that takes a place to another device."""
    code: Json = {"type": "string", "description": "As XXXX-XXXX; case, spaces and look-alikes do not matter."}
    schema: Json = {
        "type": "object",
        "properties": {"code": code, "room": room},
        "required": ["code", "room"] if named else ["code"],
    }
    operation: Json = {
        "operationId": "move",
        "tags": ["tickets"],
        "summary": "Take a place to another device by its code",
        "description": "The code is in place_code of every place that waits. Ten codes a minute may be tried from one "
        "network. A form is sent on to the room, an app gets the place.",
        "requestBody": {
            "required": True,
            "content": {media: {"schema": schema} for media in ("application/json", _FORM)},
        },
        "responses": {
            "200": with_json("The place, for whoever sent JSON.", "Moved", "Set-Cookie", "Cache-Control"),
            "303": empty("On to the room with the ticket in a cookie, for a form.", *_ON),
            "400": problem("The body is neither JSON nor a form."),
            "403": problem("Sent from a page of another site."),
            "408": problem("The body did not come in time."),
            "410": problem("The code stands for no place that waits: mistyped, claimed, left or missed for good."),
            "413": problem("The body is too large."),
            "422": problem("No code, or no room of this gateway."),
            "429": problem("Too many codes were tried: code limited.", "Retry-After"),
            "503": problem("The store does not answer; the place is kept.", "Retry-After"),
        },
    }
    return {"post": operation}


_ON = ("Location", "Set-Cookie", "Cache-Control")


def enter_path() -> Json:
    """Return the address that looks whether the visitor's browser keeps cookies."""

    def operation(method: str) -> Json:
        page: Json = {"text/html": {"schema": {"type": "string"}}}
        explained = {**empty("No cookie came back: a page that explains cookies.", "Cache-Control")}
        return {
            "operationId": f"{method}Enter",
            "tags": ["pages"],
            "summary": "Look whether cookies come back, and lead on",
            "security": [{}, {"ticketCookie": []}, {"passCookie": []}],
            "responses": {
                "200": {**explained, "content": page} if method == "get" else explained,
                "303": empty("On to a path of this site.", "Location", "Cache-Control"),
            },
        }

    back = parameter("back", "query", "Where to lead on to; anything but a path of this site is /.", {"type": "string"})
    return {"parameters": [back], "get": operation("get"), "head": operation("head")}
