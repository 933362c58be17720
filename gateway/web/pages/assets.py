"""The package's own files, read once at start and squeezed: pages travel over slow mobile networks."""

import re
from importlib.resources import files

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')
_SCRIPT_GAPS = re.compile(r"\s*([=+*/<>&|?:;,(){}!%-])\s*")
_STYLE_GAPS = re.compile(r"\s*([{};,>])\s*|(:)\s+")


def read_asset(name: str) -> str:
    """Return the text of a file in `templates/`."""
    return files("gateway.web.pages").joinpath(f"templates/{name}").read_text(encoding="utf-8")


def catalogue_files() -> dict[str, str]:
    """Return the text of every shipped `.po` file by its language."""
    folder = files("gateway.web.pages").joinpath("locale")
    found = {entry.name: entry for entry in folder.iterdir() if entry.name.endswith(".po")}
    return {name.removesuffix(".po"): found[name].read_text(encoding="utf-8") for name in sorted(found)}


def squeeze_style(source: str) -> str:
    """Return the style sheet without comments and without space that means nothing."""
    text = _COMMENT.sub("", source)
    return _STYLE_GAPS.sub(lambda match: match[1] or match[2], text).strip().replace(";}", "}")


def squeeze_script(source: str) -> str:
    """Return the script without comment lines and without space outside of strings that means nothing.

    Holds for scripts that end every statement with a semicolon and use neither regular expression literals
    nor a sign after an operator of the same sign; a test keeps the shipped ones to that.
    """
    lines = (line.strip() for line in source.splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    pieces = _STRING.split(code)
    return "".join(piece if at % 2 else _SCRIPT_GAPS.sub(r"\1", piece) for at, piece in enumerate(pieces))
