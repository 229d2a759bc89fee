"""Sentences that know how they were made, so that they can be said again in another language."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self


class Words(str):
    """A sentence in English, with the template and the values that it was made of."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, sentence: str, template: str, values: Mapping[str, Any]) -> Self:
        made = cls(sentence)
        made.template, made.values = template, values
        return made


def words(template: str, **values: Any) -> Words:
    """A sentence for people. Catalogues know it by `template`, a literal that has the names of `values` in braces."""
    return Words.of(template.format_map(values), template, values)


def sentence(template: str) -> Callable[..., Words]:
    """What makes `words` of the values in a template, which is a literal too: for tables of what there is to say."""
    return partial(words, template)
