"""The waiting page's script as it is sent: ES5 for old browsers, short names that meet nothing of the outside."""

import re
from collections.abc import Iterator
from typing import Any

import esprima
import pytest

from gateway.web.pages.assets import read_asset, shorten_names, squeeze_script
from gateway.web.pages.examples import waiting_view
from gateway.web.pages.render import Pages
from gateway.web.pages.views import WaitingState

NONCE = "dGVzdC1ub25jZS0xMjM0"
OUTSIDE = {
    *("Date", "JSON", "Math", "XMLHttpRequest", "document", "location", "navigator", "sessionStorage"),
    *("clearTimeout", "setInterval", "setTimeout", "undefined"),
}
ES5 = {
    *("ArrayExpression", "AssignmentExpression", "BinaryExpression", "BlockStatement", "BreakStatement"),
    *("CallExpression", "CatchClause", "ConditionalExpression", "ContinueStatement", "DoWhileStatement"),
    *("EmptyStatement", "ExpressionStatement", "ForInStatement", "ForStatement", "FunctionDeclaration"),
    *("FunctionExpression", "Identifier", "IfStatement", "Literal", "LogicalExpression", "MemberExpression"),
    *("NewExpression", "ObjectExpression", "Program", "Property", "ReturnStatement", "SequenceExpression"),
    *("SwitchCase", "SwitchStatement", "ThisExpression", "ThrowStatement", "TryStatement", "UnaryExpression"),
    *("UpdateExpression", "VariableDeclaration", "VariableDeclarator", "WhileStatement"),
}
"""Every node that a program in ECMAScript 5.1 can hold, labels and `with` left out."""
STATES = [state for state in WaitingState if state not in (WaitingState.FULL, WaitingState.LIMITED)]


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every node of a syntax tree."""
    if isinstance(tree, dict):
        if "type" in tree:
            yield tree
        for part in tree.values():
            yield from nodes(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from nodes(part)


def parsed(code: str) -> list[dict[str, Any]]:
    return list(nodes(esprima.parseScript(code).toDict()))


def beyond_es5(code: str) -> list[str]:
    """What of the code an engine for ES5 does not know."""
    found = []
    for node in parsed(code):
        kind = node["type"]
        modern = kind not in ES5
        modern |= kind == "VariableDeclaration" and node["kind"] != "var"
        modern |= kind == "Property" and (node["shorthand"] or node["computed"] or node["method"])
        modern |= kind.startswith("Function") and (node.get("generator", False) or node.get("async", False))
        found += [kind] if modern else []
    return found


def scripts(page: bytes) -> list[str]:
    return re.findall(r"<script[^>]*>(.*?)</script>", page.decode(), re.DOTALL)


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("state", STATES)
def test_the_script_of_every_state_is_es5(state: WaitingState, language: str) -> None:
    """As it stands in the page, plural rule and facts included, every browser of the last fifteen years can run it."""
    for code in scripts(Pages().waiting(waiting_view(state), language, NONCE)):
        assert beyond_es5(code) == []


@pytest.mark.parametrize(
    "code",
    ["let a = 1;", "const a = 1;", "(a) => a;", "`a`;", "var {a} = b;", "f(...a);", "({a});", "({[a]: 1});",
     "class A {}", "function* f() {}", "async function f() {}", "for (var a of b) {}", "function f(a = 1) {}"],
)  # fmt: skip
def test_what_is_newer_is_found(code: str) -> None:
    """The check itself sees what ES5 does not have."""
    assert beyond_es5(code) != []


def test_the_script_uses_only_what_old_browsers_have() -> None:
    """No fetch, no promise, nothing of the outside but what is listed."""
    code = f"(function(C, P) {{{read_asset('waiting.js')}}})()"
    inside = {"C", "P"}
    tree = esprima.parseScript(code).toDict()
    for node in nodes(tree):
        if node["type"] in ("FunctionDeclaration", "FunctionExpression"):
            inside |= {one["name"] for one in [node.get("id"), *node["params"]] if one}
        elif node["type"] == "VariableDeclarator":
            inside.add(node["id"]["name"])
        elif node["type"] == "CatchClause":
            inside.add(node["param"]["name"])
    keys = {id(node["property"]) for node in nodes(tree) if node["type"] == "MemberExpression" and not node["computed"]}
    keys |= {id(node["key"]) for node in nodes(tree) if node["type"] == "Property"}
    used = {node["name"] for node in nodes(tree) if node["type"] == "Identifier" and id(node) not in keys}
    assert used - inside <= OUTSIDE


def shape(code: str) -> list[tuple[str, Any]]:
    """The code without its names: kinds of nodes, values, operators and members in order."""
    tree = esprima.parseScript(code).toDict()
    kept = {id(node["property"]) for node in nodes(tree) if node["type"] == "MemberExpression" and not node["computed"]}
    kept |= {id(node["key"]) for node in nodes(tree) if node["type"] == "Property"}
    return [
        (node["type"], node.get("operator") or node.get("value") if node["type"] != "Property" else None)
        if id(node) not in kept
        else ("Member", node.get("name"))
        for node in nodes(tree)
    ]


def test_shorter_names_leave_the_program_as_it_is() -> None:
    """Squeezed and shortened, the script is the same tree with other names, and much shorter."""
    source = read_asset("waiting.js")
    short = shorten_names(squeeze_script(source))
    assert [kind for kind, _ in shape(short)] == [kind for kind, _ in shape(source)]
    assert [value for kind, value in shape(short) if kind == "Member"] == [
        value for kind, value in shape(source) if kind == "Member"
    ]
    assert len(short) < 0.6 * len(source)


def test_names_of_the_outside_and_of_members_stay() -> None:
    """Globals, members, keys and strings keep their names; a short name never meets one that was there."""
    code = 'function long(first){var second={first:a,b:first.first};return go("first",second.long)}long(c);'
    short = shorten_names(code)
    assert '"first"' in short
    assert "{first:a,b:" in short
    assert ".first}" in short
    assert ".long)" in short
    assert not re.search(r"function [ac]\b|var [ac]\b|\([ac]\)\{", short)
    assert re.search(r"\bgo\(", short)
