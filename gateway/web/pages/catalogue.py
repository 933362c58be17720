"""Message catalogues: `.po` files read at start, plural rules included.

The file is translated in memory into the binary form that the standard library's `gettext` reads, so the
plural rules are evaluated by `gettext` itself and translators keep their usual tools (Poedit, Weblate).
A catalogue compiler would be one more dependency, and binary files in the tree one more thing to forget.
"""

import gettext
import io
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gateway.errors import ConfigError

SOURCE_LANGUAGE = "en"
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
_LINE = re.compile(r'(?:(msgid_plural|msgid|msgstr)(?:\[(\d)\])?\s+)?"((?:[^"\\]|\\.)*)"')
_PLURAL = re.compile(r"nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([n0-9%=!<>&|?:() ]+?)\s*(?:;|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One entry: a text of the source language and its translation in each plural form."""

    singular: str
    plural: str | None
    forms: tuple[str, ...]
    line: int

    @property
    def translated(self) -> bool:
        """Tell whether every form has a text."""
        return all(self.forms) and bool(self.forms)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All texts of one language; a text without a translation appears in the source language."""

    language: str
    name: str
    plural_rule: str
    forms_count: int
    messages: Mapping[str, Message]
    translations: gettext.NullTranslations = field(repr=False)

    def forms(self, singular: str, plural: str) -> tuple[str, ...]:
        """Return the text for each value of the plural rule, in order."""
        found = self.messages.get(singular)
        if found is not None and found.translated and found.plural == plural:
            return found.forms
        return (*((singular,) if self.forms_count > 1 else ()), *(plural,) * max(1, self.forms_count - 1))


def source_catalogue() -> Catalogue:
    """Return the catalogue of the language that the texts are written in."""
    return Catalogue(SOURCE_LANGUAGE, "English", "n != 1", 2, {}, gettext.NullTranslations())


def read_catalogue(text: str, language: str, origin: str) -> Catalogue:
    """Read a `.po` text; raises ConfigError with `origin`, the line and what was expected there."""
    messages = {message.singular: message for message in _entries(text, origin)}
    header = messages.pop("", None)
    if header is None:
        raise ConfigError(f"{origin}: expected a header (an entry with an empty msgid)")
    fields = dict(_header_fields(header.forms[0]))
    rule = _PLURAL.match(fields.get("plural-forms", ""))
    if rule is None:
        raise ConfigError(f"{origin}: expected a header line 'Plural-Forms: nplurals=N; plural=RULE;'")
    count = int(rule[1])
    for message in messages.values():
        if message.plural is not None and message.translated and len(message.forms) != count:
            raise ConfigError(f"{origin}:{message.line}: expected {count} plural forms, found {len(message.forms)}")
    translations = _compile([header, *messages.values()], origin)
    return Catalogue(language, fields.get("language-name", language), rule[2], count, messages, translations)


def _header_fields(header: str) -> Iterator[tuple[str, str]]:
    for line in header.splitlines():
        name, _, value = line.partition(":")
        yield name.strip().lower().removeprefix("x-"), value.strip()


def _entries(text: str, origin: str) -> Iterator[Message]:
    parts: dict[str, str] = {}
    start, current, fuzzy = 0, "", False
    for number, raw in enumerate([*text.splitlines(), ""], start=1):
        line = raw.strip()
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        match = _LINE.fullmatch(line)
        if line and match is None:
            raise ConfigError(f"{origin}:{number}: expected msgid, msgid_plural or msgstr and a text in quotes")
        if parts and (not line or (match and match[1] == "msgid")):
            yield _message(parts, start, fuzzy, origin)
            parts, current, fuzzy = {}, "", False
        if match is None:
            continue
        if match[1]:
            current = match[1] + (match[2] or "")
            start = number if match[1] == "msgid" else start
        if not current:
            raise ConfigError(f"{origin}:{number}: a text in quotes belongs to a msgid or msgstr before it")
        parts[current] = parts.get(current, "") + _unescape(match[3])


def _message(parts: Mapping[str, str], line: int, fuzzy: bool, origin: str) -> Message:
    if "msgid" not in parts:
        raise ConfigError(f"{origin}:{line}: expected msgid before msgstr")
    forms = tuple(parts[key] for key in sorted(parts) if key.startswith("msgstr"))
    if not forms:
        raise ConfigError(f"{origin}:{line}: expected msgstr after msgid")
    usable = forms if parts["msgid"] == "" or not fuzzy else ("",)
    return Message(singular=parts["msgid"], plural=parts.get("msgid_plural"), forms=usable, line=line)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text)


def _compile(messages: list[Message], origin: str) -> gettext.GNUTranslations:
    """Lay the messages out as a binary catalogue (GNU gettext manual, "The Format of GNU MO Files")."""
    pairs = sorted(
        (
            "\0".join(filter(None, (message.singular, message.plural))).encode(),
            "\0".join(message.forms).encode(),
        )
        for message in messages
        if message.translated
    )
    tables = 28 + 16 * len(pairs)
    index: tuple[list[bytes], list[bytes]] = ([], [])
    data = b""
    for column in (0, 1):
        for pair in pairs:
            index[column].append(struct.pack("<II", len(pair[column]), tables + len(data)))
            data += pair[column] + b"\0"
    head = struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0)
    try:
        return gettext.GNUTranslations(io.BytesIO(head + b"".join(index[0] + index[1]) + data))
    except (ValueError, UnicodeDecodeError, LookupError) as error:
        raise ConfigError(f"{origin}: header: {error}") from error
