"""The language of templates: Markdown with the variables, conditions and loops of Jinja, and nothing that could harm.

A template is checked before it is kept: it may use the variables of its kind, `if`, one `for` over a list at a time,
and a few filters. So it ends, however it is written, and what a variable holds is shown as text, never as markup.
"""

from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError, meta, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.core.errors import Invalid
from app.services.notifications.markup import escaped

MAX_SOURCE = 20_000
MAX_RENDERED = 200_000
"""Characters of a template, and of what is made of it."""
MAX_LIST = 100
"""Members of a list that are gone through."""
FILTERS = frozenset({"capitalize", "default", "length", "lower", "upper"})
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.If, nodes.For,
    nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter, nodes.Test,
)  # fmt: skip


class BadTemplate(Invalid):
    """A template that cannot be used; the message says what is wrong with it, and in which line."""

    code = "BAD_TEMPLATE"


def _finalized(value: Any) -> str:
    return escaped(str(value))


_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined,
    finalize=_finalized,
    autoescape=False,
    trim_blocks=True,
    lstrip_blocks=True,
)


def check(source: str, known: Collection[str]) -> None:
    """Raises BadTemplate for a template that is not in the language, or uses other variables than the known ones."""
    if len(source) > MAX_SOURCE:
        raise BadTemplate("A template has at most {limit} characters.", limit=MAX_SOURCE)
    tree = _parsed(source)
    for node, loops in _walk(tree):
        if not isinstance(node, _ALLOWED) or (isinstance(node, nodes.Filter) and node.name not in FILTERS):
            raise BadTemplate("Line {line}: a template cannot use this here.", line=node.lineno)
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise BadTemplate("Line {line}: a template cannot use this here.", line=node.lineno)
        if isinstance(node, nodes.For) and (loops > 1 or node.recursive or not isinstance(node.target, nodes.Name)):
            raise BadTemplate("Line {line}: a loop goes over one list, and holds no other loop.", line=node.lineno)
    for name in sorted(meta.find_undeclared_variables(tree) - set(known)):
        raise BadTemplate(
            "There is no variable “{name}” here. There are: {known}.", name=name, known=", ".join(sorted(known))
        )


def render(source: str, variables: Mapping[str, Any]) -> str:
    """The Markdown that a template makes of its variables. Raises BadTemplate."""
    short = {name: value[:MAX_LIST] if isinstance(value, list) else value for name, value in variables.items()}
    made: list[str] = []
    left = MAX_RENDERED
    try:
        for part in _compiled(source).generate(short):
            left -= len(part)
            if left < 0:
                raise BadTemplate("A template makes at most {limit} characters.", limit=MAX_RENDERED)
            made.append(part)
    except (UndefinedError, SecurityError, TypeError) as error:
        raise BadTemplate("The template cannot be filled in: {error}.", error=str(error)) from None
    return "".join(made)


def _parsed(source: str) -> nodes.Template:
    try:
        tree = _environment.parse(source)
        _compiled(source)
    except TemplateSyntaxError as error:
        raise BadTemplate("Line {line}: {error}", line=error.lineno, error=error.message or "") from None
    except (RecursionError, MemoryError, SyntaxError):  # Python's own, of the code that is made of it
        raise BadTemplate("It is nested too deeply.") from None
    return tree


@lru_cache(maxsize=512)
def _compiled(source: str) -> Template:
    return _environment.from_string(source)


def _walk(node: nodes.Node, loops: int = 0) -> Iterator[tuple[nodes.Node, int]]:
    """Every node, with the number of loops that it is in, itself included."""
    loops += isinstance(node, nodes.For)
    yield node, loops
    for child in node.iter_child_nodes():
        yield from _walk(child, loops)
