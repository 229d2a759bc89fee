"""What the server says to people can be said in every language that it has."""

import ast

import pytest
from babel.messages import Catalog

from scripts import words


def test_what_is_said_is_literal() -> None:
    """No catalogue knows what is put together on the spot: give its parts as values, `Invalid("No {it}.", it=name)`."""
    assert [place for place, said in words.spoken() if words.built(said)] == []


@pytest.mark.parametrize(
    "bad", ['Invalid(f"No {name}.")', 'words("No " + name)', 'errors.NotFound("No {}.".format(name))']
)
def test_a_sentence_put_together_is_caught(bad: str) -> None:
    [said] = words.sentences(bad, {"Invalid", "NotFound", "words"})
    assert words.built(said)


def test_a_literal_is_not() -> None:
    [said] = words.sentences('Invalid("No {name}.", name=name)', {"Invalid"})
    assert isinstance(said, ast.Constant)
    assert not words.built(said)


@pytest.mark.parametrize(("code", "catalogue"), words.catalogues().items())
def test_a_catalogue_is_in_step(code: str, catalogue: Catalog) -> None:
    """`make words` adds what is new and takes out what is old; the translations are for a person to write."""
    assert list(words.faults(catalogue)) == []
