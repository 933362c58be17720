"""What the OpenAPI document says of an answer, held against the answer."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
from jsonschema import Draft202012Validator

from gateway.web.openapi import document
from tests.gateway.web.conftest import ROOM


def parts(value: object) -> Iterator[Mapping[str, Any]]:
    """Every object within a JSON value, the outermost first."""
    if isinstance(value, Mapping):
        yield value
    for inner in value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ():
        yield from parts(inner)


def resolve(whole: Mapping[str, Any], part: Any) -> Any:
    """What a part stands for: itself, or what its `$ref` names."""
    while "$ref" in part:
        found: Any = whole
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def closed(whole: dict[str, Any]) -> dict[str, Any]:
    """The document with no member allowed in an answer that it does not name."""
    copy = json.loads(json.dumps(whole))
    for part in parts(copy["components"]["schemas"]):
        if part.get("type") == "object" and "properties" in part and "openapi" not in part["properties"]:
            part["additionalProperties"] = False  # type: ignore[index]
    return copy


async def fits(answer: aiohttp.ClientResponse, method: str, template: str, code: str = "") -> Any:
    """Assert that an answer is as the document says, its body and its fields, and return the body."""
    whole = closed(document([ROOM], "1"))
    said = resolve(whole, whole["paths"][template][method]["responses"][str(answer.status)])
    for name, field in said["headers"].items():
        field = resolve(whole, field)
        assert name in answer.headers or not field["required"], name
        if name in answer.headers and field["schema"].get("type") != "integer":
            Draft202012Validator(field["schema"]).validate(answer.headers[name])
    if "content" not in said:
        assert await answer.read() == b""
        return None
    body = await answer.json(content_type=None)
    schema = {**said["content"][answer.content_type]["schema"], "components": whole["components"]}
    Draft202012Validator(schema).validate(body)
    if "retry_after" in body:
        assert int(answer.headers["Retry-After"]) == body["retry_after"]
    assert body.get("code", "") == code
    return body
