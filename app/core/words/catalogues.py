"""The catalogues of other languages: gettext's files beside this one, a language each. A new file is a new language.

`make words` keeps them in step with the code.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from babel import Locale
from babel.messages.pofile import read_po

from app.core.words.sentences import Words

ENGLISH = "en"
FOLDER = Path(__file__).parent

language: ContextVar[str] = ContextVar("language", default=ENGLISH)
"""The code of the language in which to speak to whoever is being served."""


@dataclass(frozen=True, slots=True)
class Language:
    """One that the server speaks: its code by BCP 47, what it calls itself, whether it is written right to left."""

    code: str
    name: str
    right_to_left: bool


@cache
def languages() -> Mapping[str, Language]:
    """Those there are, by code; English first."""
    return {code: _described(code) for code in [ENGLISH, *sorted(file.stem for file in FOLDER.glob("*.po"))]}


@lru_cache(maxsize=256)
def negotiated(accept: str) -> str:
    """The language to use for an `Accept-Language` header. Source: RFC 9110, 12.5.4; RFC 4647, 3.4."""
    wanted = []
    for place, part in enumerate(accept.lower().split(",")):
        range, _, parameter = (piece.strip() for piece in part.partition(";"))
        try:
            weight = float(parameter.removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if weight > 0:
            wanted.append((-weight, place, range))
    for *_, range in sorted(wanted):
        while range:
            if range in languages():
                return range
            range = range.rpartition("-")[0]
    return ENGLISH


def said(sentence: str, code: str | None = None) -> str:
    """The sentence in a language, by default that of whoever is being served; as it is where no catalogue knows it."""
    code = code or language.get()
    if code == ENGLISH:
        return sentence
    template, values = (sentence.template, sentence.values) if isinstance(sentence, Words) else (sentence, {})
    found = _catalogue(code).get(template)
    if found is None:
        return sentence
    values = {name: said(value, code) if isinstance(value, Words) else value for name, value in values.items()}
    return found.format_map(values) if values else found


@cache
def _catalogue(code: str) -> Mapping[str, str]:
    with (FOLDER / f"{code}.po").open("rb") as file:
        catalogue = read_po(file, locale=code)
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string and not m.fuzzy}


def _described(code: str) -> Language:
    locale = Locale.parse(code, sep="-")
    return Language(code, locale.get_display_name() or code, locale.text_direction == "rtl")
