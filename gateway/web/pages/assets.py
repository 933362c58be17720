"""The package's own files, read once at start and squeezed: pages travel over slow mobile networks."""

import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_STRING = re.compile(r'("(?:[^"\\]|\\.)*")')
_SCRIPT_GAPS = re.compile(r"\s*([=+*/<>&|?:;,(){}!%-])\s*")
_STYLE_GAPS = re.compile(r"\s*([{};,>])\s*|(:)\s+")
_NAME = re.compile(r"(?<![\w$.])(?!(?<=[{,])[\w$]+:)[A-Za-z_$][\w$]*")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")


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


def shorten_names(code: str) -> str:
    """Return squeezed ES5 code with short names for what it declares; a name is short everywhere or nowhere.

    A name that is also an identifier of the outside, or the key of an object, must not be declared: members after a
    dot and keys are left as they are, so the short names can meet nothing else.
    """
    pieces = _STRING.split(code)
    bare = " ".join(pieces[::2])
    declared = set(_declared(bare))
    taken = set(_NAME.findall(bare)) - declared
    counted = Counter(name for name in _NAME.findall(bare) if name in declared)
    free = (name for name in _short_names() if name not in taken)
    short = {name: next(free) for name, _ in counted.most_common()}

    def rename(piece: str) -> str:
        return _NAME.sub(lambda match: short.get(match[0], match[0]), piece)

    renamed = (piece if at % 2 else rename(piece) for at, piece in enumerate(pieces))
    return "".join(renamed).replace(";}", "}")


def _declared(code: str) -> Iterator[str]:
    """Yield the names of functions, of their arguments, and of variables."""
    for name, arguments in re.findall(r"\bfunction\s*([\w$]*)\(([^)]*)\)", code):
        yield from filter(None, (name, *arguments.split(",")))
    yield from re.findall(r"\bcatch\((\w+)\)", code)
    for statement in re.findall(r"\bvar\s+([^;]*);", code):
        inner = statement
        while inner != (inner := _BRACKETS.sub("", inner)):
            pass
        yield from (part.partition("=")[0].strip() for part in inner.split(","))


def _short_names() -> Iterator[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    yield from letters
    yield from (one + other for one in letters for other in letters if one + other not in ("do", "if", "in"))
