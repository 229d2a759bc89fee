from pathlib import Path

import pytest

from app.core.words import catalogues, languages, negotiated, said, words
from app.core.words.catalogues import language


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA, en;q=0.8", "fr"),
        ("de, hi;q=0.3, ar;q=0.9", "ar"),
        ("de", "en"),
        ("*", "en"),
        ("en, fr", "en"),
        ("fr;q=0, en", "en"),
        ("fr;q=nonsense, hi", "hi"),
        ("AR-EG", "ar"),
        (";;;,,q=1", "en"),
        ("fr;q=nan", "en"),
    ],
)
def test_the_language_that_is_wanted_most_and_spoken(header: str, code: str) -> None:
    assert negotiated(header) == code


def test_languages_know_their_names_and_directions() -> None:
    known = languages()
    assert next(iter(known)) == "en"
    assert known["fr"].name == "français"
    assert (known["ar"].right_to_left, known["hi"].right_to_left) == (True, False)


def test_a_sentence_is_said_with_its_values() -> None:
    sentence = words("“{slug}” is taken: choose another.", slug="school")
    assert sentence == "“school” is taken: choose another."
    assert said(sentence, "en") == sentence
    assert "school" in said(sentence, "fr")
    assert said(sentence, "fr") != sentence


def test_a_value_is_said_as_it_is_even_if_it_looks_like_a_template() -> None:
    sentence = words("“{slug}” is taken: choose another.", slug="{path.__class__} Sign in first.")
    assert "{path.__class__} Sign in first." in said(sentence, "fr")


def test_what_no_catalogue_knows_is_said_in_english() -> None:
    assert said("Nobody has ever said this.", "fr") == "Nobody has ever said this."


def test_the_language_of_the_moment_is_the_default() -> None:
    token = language.set("fr")
    try:
        assert said("Sign in first.") == said("Sign in first.", "fr") != "Sign in first."
    finally:
        language.reset(token)


def test_a_file_is_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sw.po").write_text('msgid "Sign in first."\nmsgstr "Ingia kwanza."\n', "utf-8")
    monkeypatch.setattr(catalogues, "FOLDER", tmp_path)
    for cached in (catalogues.languages, catalogues.negotiated, catalogues._catalogue):
        cached.cache_clear()
    try:
        assert negotiated("sw-KE") == "sw"
        assert said("Sign in first.", "sw") == "Ingia kwanza."
    finally:
        for cached in (catalogues.languages, catalogues.negotiated, catalogues._catalogue):
            cached.cache_clear()
