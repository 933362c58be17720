"""The visitors' API in OpenAPI 3.1: one plain document, made from the names of the rooms and nothing else.

Every answer that the gateway itself gives is in it, by status, with its fields and headers; what an intermediary adds
is not. Clients must pass over members that they do not know: more may come.
"""

from collections.abc import Mapping, Sequence

from gateway.core.ticket import MAX_TOKEN
from gateway.web.openapi_parts import LIMITED, NO_PLACE_NOW, empty, parameter, problem, standing, with_json
from gateway.web.openapi_places import enter_path, places_path
from gateway.web.openapi_schemas import HEADERS, SECURITY, schemas

Json = Mapping[str, object]
AUTHORIZE_METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
_IF_NONE_MATCH: Json = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the document that the client has.",
    "schema": {"type": "string"},
}


def document(rooms: Sequence[str], version: str) -> dict[str, object]:
    """Return the document for a gateway with these rooms; the same arguments give the same document."""
    room: Json = {"type": "string", "enum": sorted(rooms)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Talon: the visitors' side",
            "version": version,
            "description": "A client that keeps cookies and, on 503, waits Retry-After seconds and repeats the same "
            "request gets in when its turn comes. This API is for apps that would rather ask for a place, look at it "
            "and leave it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "tickets", "description": "Join, look, leave."},
            {"name": "shared", "description": "The same for everybody; caches may keep it."},
            {"name": "proxies", "description": "For another proxy that holds a request."},
            {"name": "pages", "description": "What the gateway's own pages use."},
        ],
        "security": [],
        "paths": {
            "/_talon/rooms/{name}": _now_serving_path(room),
            "/_talon/tickets": _join_path(room, named=len(rooms) != 1),
            "/_talon/tickets/{token}": _ticket_path(),
            "/_talon/places": places_path(room, named=len(rooms) != 1),
            "/_talon/enter": enter_path(),
            "/_talon/authorize": _authorize_path(),
            "/_talon/status": _status_path(),
            "/_talon/preferences": _preferences_path(),
            "/_talon/openapi.json": _openapi_path(),
        },
        "components": {"schemas": schemas(room), "headers": HEADERS, "securitySchemes": SECURITY},
    }


def _now_serving_path(room: Json) -> Json:
    def operation(method: str) -> Json:
        return {
            "operationId": f"{method}NowServing",
            "tags": ["shared"],
            "summary": "The now-serving document of a room, at most a second old",
            "description": "With a ticket, in the cookie or in Talon-Ticket, the poll shows that its visitor is there.",
            "security": [{}, {"ticketCookie": []}, {"ticketHeader": []}],
            "responses": {
                "200": with_json(
                    "What the room shows to everybody.", "NowServing", "ETag", "Cache-Control", method=method
                ),
                "304": empty("The document is still the one of If-None-Match.", "ETag", "Cache-Control"),
                "404": problem("There is no such room.", method=method),
            },
        }

    named = parameter("name", "path", "Name of the room.", room)
    return {
        "parameters": [named, _IF_NONE_MATCH],
        "get": operation("get"),
        "head": operation("head"),
    }


def _join_path(room: Json, *, named: bool) -> Json:
    body: Json = {
        "description": "The room; it may be left out where there is only one.",
        "required": named,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"room": room},
                    **({"required": ["room"]} if named else {}),
                }
            }
        },
    }
    operation: Json = {
        "operationId": "join",
        "tags": ["tickets"],
        "summary": "Take a place, or the pass when the room is free",
        "description": "With a ticket, in the cookie or in Talon-Ticket, the place that it holds is kept: a join that "
        "is repeated takes no second place.",
        "security": [{}, {"ticketCookie": []}, {"ticketHeader": []}],
        "requestBody": body,
        "responses": {
            "200": standing("The place that the ticket holds, or the turn has come."),
            "201": standing("A new place."),
            "400": problem("The body is not JSON."),
            "408": problem("The body did not come in time."),
            "413": problem("The body is too large."),
            "422": problem("The body is JSON, but names no room of this gateway."),
            "429": LIMITED,
            "503": NO_PLACE_NOW,
        },
    }
    return {"post": operation}


def _ticket_path() -> Json:
    token = parameter("token", "path", "The ticket.", {"type": "string", "minLength": 1, "maxLength": MAX_TOKEN})
    return {
        "parameters": [token],
        "get": {
            "operationId": "look",
            "tags": ["tickets"],
            "summary": "How the place stands; the pass when the turn has come",
            "description": "Asking shows that the visitor is there. Ask again after Retry-After. If the queue was "
            "made anew, the answer holds another ticket: go on with that one.",
            "responses": {
                "200": standing("The place, or the turn has come.", links=False),
                "404": problem("This is not a ticket of this gateway."),
                "410": problem("The ticket holds no place any more; join again."),
                "429": LIMITED,
                "503": NO_PLACE_NOW,
            },
        },
        "delete": {
            "operationId": "leave",
            "tags": ["tickets"],
            "summary": "Give the place up",
            "responses": {
                "204": empty("The place is free for others.", "Set-Cookie", "Cache-Control"),
                "404": problem("This is not a ticket of this gateway."),
                "410": problem("The ticket holds no place."),
                "503": problem("The store does not answer; the place is kept.", "Retry-After"),
            },
        },
    }


def _authorize_path() -> Json:
    text: Json = {"type": "string"}

    def operation(method: str) -> Json:
        return {
            "operationId": f"{method}Authorize",
            "tags": ["proxies"],
            "summary": "May the request that another proxy holds go in?",
            "description": "Every request that the fields name must be allowed.",
            "security": [{}, {"passCookie": []}, {"passHeader": []}],
            "responses": {
                "204": empty("Let it through.", "Talon-Visit-Id", "Cache-Control"),
                "307": empty("With deny=page: its turn has come; the pass is set, and it asks again.", "Location"),
                "401": problem("Send the visitor to the gateway.", "Retry-After", method=method),
                "403": problem("It is not clear which request is meant.", method=method),
                "429": problem("With deny=page: too many requests.", "Retry-After", method=method),
                "503": problem("With deny=page: it must wait; a page for browsers.", "Retry-After", method=method),
            },
        }

    return {
        "parameters": [
            parameter("deny", "query", "page: answer as the visitor is to be answered, not 401.", text),
            parameter("X-Original-Method", "header", "Method of the request; GET if not said.", text),
            parameter("X-Original-URI", "header", "Path and query of the request; / if not said.", text),
            parameter("X-Forwarded-Method", "header", "The same, as other proxies name it.", text),
            parameter("X-Forwarded-Uri", "header", "The same, as other proxies name it.", text),
        ],
        **{method: operation(method) for method in AUTHORIZE_METHODS},
    }


def _status_path() -> Json:
    def operation(method: str) -> Json:
        answer = with_json("How the rooms are, also while the store is down.", "Status", "Cache-Control", method=method)
        content = answer.get("content")
        both = {**content, "text/html": {"schema": {"type": "string"}}} if isinstance(content, dict) else None
        return {
            "operationId": f"{method}Status",
            "tags": ["pages"],
            "summary": "Public status: JSON, or a page for whoever accepts text/html",
            "responses": {"200": {**answer, "content": both} if both else answer},
        }

    return {"get": operation("get"), "head": operation("head")}


def _preferences_path() -> Json:
    text: Json = {"type": "string"}

    def operation(method: str) -> Json:
        return {
            "operationId": f"{method}Preferences",
            "tags": ["pages"],
            "summary": "Keep a visitor's choices in cookies and go back",
            "responses": {"303": empty("Go back to a path of this site.", "Location", "Set-Cookie", "Cache-Control")},
        }

    return {
        "parameters": [
            parameter("language", "query", "Language of the pages; what is not offered is passed over.", text),
            parameter("auto", "query", "on or off: go in by itself when the turn comes.", text),
            parameter("back", "query", "Where to go back to; anything but a path of this site is /.", text),
        ],
        "get": operation("get"),
        "post": operation("post"),
    }


def _openapi_path() -> Json:
    def operation(method: str) -> Json:
        return {
            "operationId": f"{method}OpenApi",
            "tags": ["shared"],
            "summary": "This document",
            "responses": {
                "200": with_json("OpenAPI 3.1.", "OpenApi", "ETag", "Cache-Control", method=method),
                "304": empty("The document is still the one of If-None-Match.", "ETag", "Cache-Control"),
            },
        }

    return {"parameters": [_IF_NONE_MATCH], "get": operation("get"), "head": operation("head")}
