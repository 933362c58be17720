"""The list of texts to translate, as a `.pot` file: `python -m gateway.web.pages.extract`."""

import sys
from gettext import NullTranslations
from typing import TextIO

from gateway.web.pages.assets import read_asset
from gateway.web.pages.compiled import TEMPLATES, page_environment
from gateway.web.pages.texts import COUNTED, source_texts

_HEADER = """msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Language: LANGUAGE\\n"
"X-Language-Name: NAME OF THE LANGUAGE IN ITSELF\\n"
"Plural-Forms: nplurals=2; plural=n != 1;\\n"
"""


def messages() -> dict[str, str | None]:
    """Return every text that a catalogue translates, with its plural or None, in a fixed order."""
    environment = page_environment(NullTranslations())
    found: dict[str, str | None] = dict.fromkeys(source_texts())
    found |= dict(COUNTED)
    for template in ("page.html", *TEMPLATES):
        for _, _, text in environment.extract_translations(read_asset(template)):  # type: ignore[attr-defined]
            if isinstance(text, tuple):
                found[text[0]] = text[1]
            elif text:
                found.setdefault(text, None)
    return dict(sorted(found.items()))


def write_template(stream: TextIO) -> None:
    """Write the `.pot` file: a header to fill in, then each text with an empty translation."""
    stream.write(_HEADER)
    for singular, plural in messages().items():
        stream.write(f"\nmsgid {_quoted(singular)}\n")
        if plural is None:
            stream.write('msgstr ""\n')
        else:
            stream.write(f'msgid_plural {_quoted(plural)}\nmsgstr[0] ""\nmsgstr[1] ""\n')


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


if __name__ == "__main__":
    write_template(sys.stdout)
