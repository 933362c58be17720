"""What is read and compiled at start: the catalogues, and the templates once for each language."""

from collections.abc import Mapping
from dataclasses import dataclass
from gettext import NullTranslations
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from gateway.errors import ConfigError
from gateway.web.pages.assets import catalogue_files, read_asset
from gateway.web.pages.catalogue import SOURCE_LANGUAGE, Catalogue, read_catalogue, source_catalogue

TEMPLATES = ("waiting.html", "error.html", "status.html", "entry.html")


@dataclass(frozen=True, slots=True)
class Language:
    """One language, ready to render: its catalogue and its templates."""

    catalogue: Catalogue
    templates: Mapping[str, Template]

    def say(self, text: str) -> str:
        """Return the text in this language."""
        return self.catalogue.translations.gettext(text)

    def count(self, forms: tuple[str, str], number: int) -> str:
        """Return the text in the plural form that `number` asks for."""
        return self.catalogue.translations.ngettext(*forms, number) % {"num": number}


def compile_language(catalogue: Catalogue) -> Language:
    """Compile every visitors' template with the texts of one catalogue."""
    environment = page_environment(catalogue.translations)
    templates = {name: environment.get_template(name) for name in TEMPLATES}
    return Language(catalogue, templates)


def load_catalogues(extra: Path | None = None) -> dict[str, Catalogue]:
    """Return the catalogue of every language; raises ConfigError for a file that cannot be used."""
    texts = {language: (text, f"{language}.po") for language, text in catalogue_files().items()}
    if extra is not None:
        texts |= _extra_files(extra)
    read = {language: read_catalogue(text, language, origin) for language, (text, origin) in texts.items()}
    return {SOURCE_LANGUAGE: source_catalogue(), **read}


def _extra_files(folder: Path) -> dict[str, tuple[str, str]]:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: expected a folder with .po files")
    texts = {}
    for path in sorted(folder.glob("*.po")):
        try:
            texts[path.stem.lower()] = (path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: expected a readable .po file in UTF-8: {error}") from error
    return texts


def page_environment(translations: NullTranslations) -> Environment:
    """Return the environment that templates are compiled, and their texts extracted, with."""
    environment = Environment(
        loader=FunctionLoader(read_asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment
