"""Markdown as e-mails use it: made into HTML that mail programs show alike, and into plain text that says the same.

A paragraph that is nothing but a link is a button. There are no pictures: fetching one would tell who reads.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

LINKS = ("https://", "http://", "mailto:")
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_OFF = ["image", "html_block", "html_inline", "code", "fence", "reference", "lheading", "autolink"]

_markdown = MarkdownIt("commonmark", {"html": False}).disable(_OFF)
_markdown.validateLink = lambda url: url.startswith(LINKS)  # type: ignore[method-assign]

_STYLES = {
    "h1": "margin: 0 0 16px; font-size: 22px; line-height: 1.3; font-weight: 700",
    "h2": "margin: 24px 0 8px; font-size: 18px; line-height: 1.3; font-weight: 700",
    "h3": "margin: 16px 0 8px; font-size: 16px; line-height: 1.3; font-weight: 700",
    "p": "margin: 0 0 16px",
    "ul": "margin: 0 0 16px; padding-inline-start: 24px",
    "ol": "margin: 0 0 16px; padding-inline-start: 24px",
    "li": "margin: 0 0 4px",
    "blockquote": "margin: 0 0 16px; padding-inline-start: 12px; border-inline-start: 3px solid #9aa4b2",
    "hr": "margin: 24px 0; border: 0; border-top: 1px solid #d5dae1",
}
_BUTTON = (
    "display: inline-block; padding: 12px 20px; border-radius: 8px; font-weight: 600; text-decoration: none; "
    "background: {color}; color: {text}"
)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: on one line, with nothing that it would read as markup."""
    return _PUNCTUATION.sub(r"\\\1", one_line(text))


def one_line(text: str) -> str:
    """Text that can stand in a header: no line breaks and no other control characters."""
    return " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).split())


def html(source: str, color: str, text_color: str, follow: Callable[[str], str] = str) -> str:
    """The HTML of a text in Markdown; `follow` says where a link leads instead."""
    tokens = _markdown.parse(source)
    for token in tokens:
        if token.nesting == 1 or token.tag == "hr":
            token.attrSet("style", _STYLES.get(token.tag, "margin: 0 0 16px"))
        if token.type == "blockquote_open":  # it may be in another language than what is around it
            token.attrSet("dir", "auto")
        button = _is_button(token)
        for child in token.children or ():
            if child.type == "link_open":
                href = str(child.attrs["href"])
                child.attrs["href"] = href if href.startswith("mailto:") else follow(href)
                child.attrSet("class", "button" if button else "link")
                child.attrSet(
                    "style", _BUTTON.format(color=color, text=text_color) if button else "text-decoration: underline"
                )
    return str(_markdown.renderer.render(tokens, _markdown.options, {}))


def plain(source: str) -> str:
    """The same as text: quotes after `>`, members of lists after `-`, links with their addresses."""
    lines: list[str] = []
    depth = 0
    bullets: list[str] = []
    for token in _markdown.parse(source):
        if token.tag == "blockquote":
            depth += token.nesting
        elif token.type == "list_item_open":
            bullets.append("- ")
        elif token.type == "hr":
            lines += ["-- ", ""]
        elif token.type == "inline":
            head = "> " * depth + (bullets.pop() if bullets else "")
            said = "".join(_words(token.children or (), button=_is_button(token)))
            lines += [*(f"{head}{line}" for line in said.split("\n")), ""]
    return "\n".join(lines).strip() + "\n"


def line(source: str) -> str:
    """What one line of Markdown says."""
    [token] = _markdown.parseInline(source)
    return one_line("".join(_words(token.children or (), button=False)))


def _is_button(token: Token) -> bool:
    children = token.children or []
    return (
        token.type == "inline"
        and len(children) > 2
        and children[0].type == "link_open"
        and children[-1].type == "link_close"
        and sum(child.type == "link_open" for child in children) == 1
    )


def _words(children: Sequence[Token], *, button: bool) -> Iterator[str]:
    href = ""
    for child in children:
        if child.type in ("softbreak", "hardbreak"):
            yield "\n"
        elif child.type == "link_open":
            href = str(child.attrs["href"])
        elif child.type == "link_close":
            yield f":\n{href}" if button else f" ({href})"
        else:
            yield child.content
