import json
import re
import shutil
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.web.pages.catalogue import read_catalogue, source_catalogue
from gateway.web.pages.compiled import load_catalogues
from gateway.web.pages.examples import waiting_view
from gateway.web.pages.extract import messages
from gateway.web.pages.render import Pages
from gateway.web.pages.views import WaitingState

HEADER = (
    'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
    '"Plural-Forms: nplurals=2; plural=n != 1;\\n"\n"X-Language-Name: Deutsch\\n"\n\n'
)


def test_a_catalogue_translates_and_keeps_the_rest() -> None:
    """A text with a translation is translated; one without appears as it was written."""
    text = HEADER + 'msgid "Why"\nmsgstr "Warum"\n\nmsgid "or"\nmsgstr ""\n'
    catalogue = read_catalogue(text, "de", "de.po")
    assert catalogue.name == "Deutsch"
    assert catalogue.translations.gettext("Why") == "Warum"
    assert catalogue.translations.gettext("or") == "or"


def test_a_fuzzy_translation_is_not_shown() -> None:
    """A translation that its translator marked as doubtful counts as missing."""
    catalogue = read_catalogue(HEADER + '#, fuzzy\nmsgid "Why"\nmsgstr "Wieso"\n', "de", "de.po")
    assert catalogue.translations.gettext("Why") == "Why"


def test_a_text_may_run_over_several_lines_with_escapes() -> None:
    """Pieces in quotes are joined; quotes, line ends and backslashes are read back."""
    text = HEADER + 'msgid ""\n"a \\"b\\""\n" c\\n"\nmsgstr "x"\n" \\\\ y"\n'
    assert read_catalogue(text, "de", "de.po").translations.gettext('a "b" c\n') == "x \\ y"


def test_plural_forms_are_handed_out_in_order() -> None:
    """The page's script gets every form; without a translation those of the source language."""
    russian = load_catalogues()["ru"]
    one, many = "%(num)s person is ahead of you.", "%(num)s people are ahead of you."
    assert len(russian.forms(one, many)) == 3
    assert russian.forms("%(num)s cat", "%(num)s cats") == ("%(num)s cat", "%(num)s cats", "%(num)s cats")
    assert source_catalogue().forms(one, many) == (one, many)


@given(st.integers(0, 10**7))
def test_the_rule_for_the_script_agrees_with_gettext(number: int) -> None:
    """The plural rule that is put into the page picks the form that the server would."""
    russian = load_catalogues()["ru"]
    rule = number % 10, number % 100
    form = 0 if rule[0] == 1 and rule[1] != 11 else 1 if 2 <= rule[0] <= 4 and not 12 <= rule[1] <= 14 else 2
    one, many = "%(num)s person is ahead of you.", "%(num)s people are ahead of you."
    assert russian.translations.ngettext(one, many, number) == russian.forms(one, many)[form]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('msgid "a"\nmsgstr "b"\n', "x.po: expected a header"),
        ('msgid ""\nmsgstr "Language: de\\n"\n', "x.po: expected a header line 'Plural-Forms"),
        (HEADER + "msgid a\n", "x.po:7: expected msgid"),
        (HEADER + '"stray"\n', "x.po:7: a text in quotes"),
        (HEADER + 'msgid "a"\n', "x.po:7: expected msgstr"),
        (HEADER + 'msgstr "a"\n', "expected msgid before msgstr"),
        (HEADER + 'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "c"\n', "x.po:7: expected 2 plural forms, found 1"),
        (HEADER.replace("UTF-8", "nothing"), "x.po: header"),
        (HEADER.replace("n != 1", "n n"), "x.po: header"),
    ],
)
def test_a_broken_catalogue_is_refused_by_file_and_line(text: str, message: str) -> None:
    """The message names the file, the line where there is one, and what was expected."""
    with pytest.raises(ConfigError, match=re.escape(message)):
        read_catalogue(text, "x", "x.po")


@given(st.text(max_size=200))
def test_reading_anything_ends_in_a_catalogue_or_a_clear_refusal(text: str) -> None:
    """No text makes the reader fail in another way than ConfigError."""
    refusal = "x.po"
    try:
        read_catalogue(HEADER + text, "x", "x.po")
    except ConfigError as error:
        refusal = str(error)
    assert refusal.startswith("x.po")


@pytest.mark.parametrize("language", [code for code in load_catalogues() if code != "en"])
def test_a_shipped_catalogue_is_complete_and_has_no_leftovers(language: str) -> None:
    """Every text of the pages is translated with the same placeholders, and nothing else is in the file."""
    found = load_catalogues()[language].messages
    wanted = messages()
    assert set(found) == set(wanted)
    for singular, plural in wanted.items():
        assert found[singular].translated, singular
        assert found[singular].plural == plural
        for form in found[singular].forms:
            assert form.count("%(") == (plural or singular).count("%("), singular


def test_a_folder_adds_a_language_and_replaces_one(tmp_path: Path) -> None:
    """An operator's file joins the shipped ones; one of the same name takes its place."""
    (tmp_path / "de.po").write_text(HEADER, encoding="utf-8")
    (tmp_path / "ru.po").write_text(HEADER + 'msgid "Why"\nmsgstr "Причина"\n', encoding="utf-8")
    catalogues = load_catalogues(tmp_path)
    assert list(catalogues) == ["en", "ru", "de"]
    assert catalogues["ru"].translations.gettext("Why") == "Причина"


def test_a_language_is_added_by_one_file(tmp_path: Path) -> None:
    """Beside the shipped files in a folder, one more `.po` gives every page in its language, plurals and script too."""
    folder = tmp_path / "locale"
    shipped = files("gateway.web.pages").joinpath("locale")
    shutil.copytree(str(shipped), folder)
    entries = [_in_german(one, many) for one, many in messages().items()]
    (folder / "de.po").write_text(HEADER + "\n".join(entries), encoding="utf-8")
    pages = Pages(folder)
    assert pages.languages == ("en", "ru", "de")
    for state in WaitingState:
        page = pages.waiting(waiting_view(state), "de", "dGVzdC1ub25jZS0xMjM0").decode()
        assert '<html lang="de">' in page
        assert "<h1 id=h>DE " in page
        assert "DE Other ways to book" in page
        assert ">Deutsch<" not in page
    assert (
        "DE 1 person is ahead"
        in pages.waiting(replace(waiting_view(WaitingState.SOON), ahead=1), "de", "n" * 22).decode()
    )
    assert ">Deutsch<" in pages.waiting(waiting_view(WaitingState.WAITING), "ru", "n" * 22).decode()


def _in_german(one: str, many: str | None) -> str:
    """One entry of a catalogue whose every text has a mark before it."""
    texts = [json.dumps(text, ensure_ascii=False) for text in (one, f"DE {one}", many or "", f"DE {many}")]
    if many is None:
        return f"msgid {texts[0]}\nmsgstr {texts[1]}\n"
    return f"msgid {texts[0]}\nmsgid_plural {texts[2]}\nmsgstr[0] {texts[1]}\nmsgstr[1] {texts[3]}\n"


def test_a_missing_folder_and_an_unreadable_file_are_refused(tmp_path: Path) -> None:
    """Both are the operator's to repair, so both name the path."""
    with pytest.raises(ConfigError, match=r"expected a folder with \.po files"):
        load_catalogues(tmp_path / "none")
    (tmp_path / "xx.po").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"xx\.po: expected a readable \.po file in UTF-8"):
        load_catalogues(tmp_path)
