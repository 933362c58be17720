"""What the OpenAPI document is put together from: parameters, and answers with their fields and bodies."""

from collections.abc import Mapping

Json = Mapping[str, object]


def parameter(name: str, place: str, description: str, schema: Json) -> Json:
    """Return a parameter; those of the path are required."""
    return {"name": name, "in": place, "required": place == "path", "description": description, "schema": schema}


def ref(kind: str, name: str) -> Json:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def empty(description: str, *headers: str) -> Json:
    """Return a response without a body."""
    return {"description": description, "headers": {name: ref("headers", name) for name in headers}}


def with_json(
    description: str, schema: str, *headers: str, media: str = "application/json", method: str = "get"
) -> dict[str, object]:
    """Return a response; the answer to HEAD has the header fields and no body."""
    answer = dict(empty(description, *headers))
    if method != "head":
        answer["content"] = {media: {"schema": ref("schemas", schema)}}
    return answer


def problem(description: str, *headers: str, method: str = "get") -> Json:
    """Return a response that is a problem document."""
    return with_json(description, "Problem", "Cache-Control", *headers, media="application/problem+json", method=method)


def standing(description: str, *, links: bool = True) -> Json:
    """Return a response that tells where a visit stands, and where its ticket leads."""
    answer = with_json(description, "Standing", "Retry-After", "Set-Cookie", "Cache-Control")
    if links:
        follow = {"parameters": {"token": "$response.body#/ticket"}}
        answer["links"] = {name: {"operationId": name, **follow} for name in ("look", "leave")}
    return answer


LIMITED = problem("Too many places for this network or person, or too many questions: code limited.", "Retry-After")
NO_PLACE_NOW = problem(
    "No place can be given now: code full or store_down; or come again with the ticket of this answer: code entry.",
    "Retry-After",
    "Set-Cookie",
)
