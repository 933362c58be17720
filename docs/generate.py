"""Writes the generated parts of docs/reference anew: `python docs/generate.py`, or `--check` to compare only.

A part stands between `<!-- generated: NAME -->` and `<!-- end -->`. Types and defaults of the settings come from
their schema, meanings from the comments of config/talon.yaml, commands and options from the command line itself.
"""

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
EXAMPLE = ROOT / "config" / "talon.yaml"


# Settings -------------------------------------------------------------------------------------------------


def setting_rows() -> dict[str, tuple[str, str]]:
    """Return type and default of every key, by its dotted path; NAME stands for a name that you choose."""
    from gateway.settings import Settings

    schema = Settings.model_json_schema()
    return dict(_walk(schema, schema["$defs"], ""))


def _walk(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, tuple[str, str]]]:
    for name, spec in schema["properties"].items():
        path = prefix + name
        default = "required" if name in schema.get("required", ()) else _default(spec)
        yield path, (_type(spec), default)
        for inner, mark in ((spec, ""), (spec.get("additionalProperties"), ".NAME"), (spec.get("items"), "[]")):
            if isinstance(inner, dict) and "$ref" in inner:
                kind = inner["$ref"].rpartition("/")[2]
                yield from _walk(definitions[kind], definitions, f"{path}{mark}.")


def _default(spec: Mapping[str, Any]) -> str:
    if "$ref" in spec or "additionalProperties" in spec:
        return "see below"
    value = spec["default"]
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
        return "see [Request classes](#request-classes)"
    return f"`{_shown(value, duration=_type(spec) == 'duration')}`"


def _shown(value: Any, *, duration: bool) -> str:
    if duration:
        for unit, seconds in (("h", 3600), ("m", 60), ("s", 1)):
            if value and value % seconds == 0:
                return f"{value / seconds:g}{unit}"
        return f"{value * 1000:g}ms" if value else "0s"
    if value is None or value == "":
        return '""' if value == "" else "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return f"{value:g}" if isinstance(value, float) and value < 1e5 else str(value).removesuffix(".0")


def _type(spec: Mapping[str, Any]) -> str:
    if "pattern" in spec:
        return "duration"
    if "enum" in spec:
        return " or ".join(str(choice) for choice in spec["enum"])
    if "anyOf" in spec:
        return " or ".join(_type(one) for one in spec["anyOf"] if one.get("type") != "null")
    if "const" in spec:
        return str(spec["const"])
    if "$ref" in spec:
        return "section"
    if "additionalProperties" in spec:
        return "sections by name" if "$ref" in spec["additionalProperties"] else "values by name"
    if spec.get("type") == "array":
        return "list"
    kind = str(spec["type"])
    return {"string": "path" if spec.get("format") == "path" else "text", "boolean": "true or false"}.get(kind, kind)


def meanings(text: str) -> dict[str, str]:
    """Return the comment of every key of a configuration file: behind its value, or in the lines above it."""
    lines = text.splitlines()
    found: dict[str, str] = {}
    for path, number in _keys(yaml.compose(text), ""):
        if comment := _comment(lines, number):
            found.setdefault(path, comment)
    return found


def _keys(node: Any, prefix: str) -> Iterator[tuple[str, int]]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _keys(item, prefix.removesuffix(".") + "[].")
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        if prefix.endswith(".claim."):
            continue
        named = prefix in ("pools.", "rooms.") or prefix.endswith(".lanes.")
        path = prefix + ("NAME" if named else key.value)
        if not named:
            yield path, key.start_mark.line
        yield from _keys(value, path + ".")


def _comment(lines: list[str], number: int) -> str:
    _, mark, behind = lines[number].partition("  # ")
    if mark:
        return behind.strip()
    above: list[str] = []
    while number > 0 and lines[number - 1].lstrip().startswith("# "):
        number -= 1
        above.insert(0, lines[number].lstrip()[2:])
    return " ".join(above)


def config_table() -> str:
    """Return the table of all keys."""
    said = meanings(EXAMPLE.read_text(encoding="utf-8"))
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for path, (kind, default) in setting_rows().items():
        meaning = said.get(path, "").replace("|", "\\|").removesuffix(" (example).")
        rows.append(f"| `{path}` | {kind} | {default} | {meaning.rstrip('.')} |")
    return "\n".join(rows)


# Metrics --------------------------------------------------------------------------------------------------


def metric_names() -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return type, labels and help text of every metric, by the name that Prometheus shows."""
    from gateway.telemetry.metrics import Metrics

    metrics = Metrics()
    labels = {}
    for field in dataclasses.fields(metrics):
        metric = getattr(metrics, field.name)
        for described in getattr(metric, "describe", list)():
            labels[described.name] = tuple(getattr(metric, "_labelnames", getattr(described, "_labelnames", ())))
    return {
        family.name + "_total" * (family.type == "counter"): (
            family.type,
            labels.get(family.name, ()),
            family.documentation,
        )
        for family in metrics.registry.collect()
    }


def metrics_table() -> str:
    """Return the table of all metrics."""
    rows = ["| metric | type | labels | meaning |", "|---|---|---|---|"]
    for name, (kind, labels, said) in metric_names().items():
        rows.append(f"| `{name}` | {kind} | {', '.join(f'`{label}`' for label in labels)} | {said} |")
    return "\n".join(rows)


# Commands -------------------------------------------------------------------------------------------------


def commands() -> dict[str, Any]:
    """Return every command that does something, by its full name."""
    import typer

    from talon.cli import app

    def walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield name, command
        for word, one in (inner or {}).items():
            yield from walk(one, f"{name} {word}")

    return dict(walk(typer.main.get_command(app), "talon"))


def cli_sections() -> str:
    """Return a section for each command: what it does, examples, its options."""
    return "\n\n".join(_command(name, command) for name, command in commands().items())


def _command(name: str, command: Any) -> str:
    text, *examples = (command.help or "").split("Example:")
    parts = [f"## {name}", " ".join(text.split())]
    if examples:
        lines = "\n".join(" ".join(example.split()) for example in examples)
        parts.append(f"```\n{lines}\n```")
    rows = [_option(one) for one in command.params if not one.hidden]
    if rows:
        parts.append("\n".join(["| option | default | meaning |", "|---|---|---|", *rows]))
    return "\n\n".join(parts)


def _option(option: Any) -> str:
    named = [one for one in option.opts if one.startswith("-")]
    shown = ", ".join(f"`{one}`" for one in named) or f"`{option.name.upper()}`"
    default = "required" if option.required else _option_default(option.default)
    return f"| {shown} | {default} | {(option.help or '').replace('|', chr(92) + '|')} |"


def _option_default(value: Any) -> str:
    if value is None or value is False or value == ():
        return ""
    return f"`{getattr(value, 'value', value)}`"


# Pages ----------------------------------------------------------------------------------------------------

PARTS = {"config": config_table, "metrics": metrics_table, "cli": cli_sections}


def renewed(text: str) -> str:
    """Return a page with its generated parts as they must be."""
    for name, write in PARTS.items():
        begin, end = f"<!-- generated: {name} -->\n", "\n<!-- end -->"
        head, mark, rest = text.partition(begin)
        if mark:
            text = head + begin + "\n" + write() + "\n" + rest[rest.index(end) :]
    return text


def main(arguments: list[str]) -> int:
    """Renew the pages, or with `--check` name those that are not up to date; returns the exit code."""
    stale = 0
    for page in sorted(REFERENCE.glob("*.md")):
        before = page.read_text(encoding="utf-8")
        after = renewed(before)
        if after == before:
            continue
        stale += 1
        if "--check" in arguments:
            sys.stderr.write(f"{page.relative_to(ROOT)}: not up to date; run `make docs`\n")
        else:
            page.write_text(after, encoding="utf-8")
            sys.stdout.write(f"written: {page.relative_to(ROOT)}\n")
    return int(bool(stale) and "--check" in arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
