"""What an e-mail looks like: a template, filled in and laid out, and the message that is made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from app.core.clock import now
from app.core.settings import settings
from app.core.words import ENGLISH, said, words
from app.services.notifications.markup import html, line, one_line, plain
from app.services.notifications.templating import render

MAX_SUBJECT = 150
FOLDER = Path(__file__).parent / "templates"
LANGUAGES = frozenset(folder.name for folder in FOLDER.iterdir() if folder.is_dir())

_layouts = Environment(
    loader=PackageLoader("app.services.notifications"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Source:
    """A template: its subject and what follows, in the language of `templating`."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Look:
    """Whose e-mail it is: the name on it, the colours of its button, and under which name it comes."""

    name: str = "Atrium"
    color: str = "#1d4ed8"
    text_color: str = "#ffffff"
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """What an e-mail says, as text and as HTML."""

    subject: str
    text: str
    html: str


def language(locale: str) -> str:
    """The language of Atrium's own templates for somebody with a locale."""
    base = locale.partition("-")[0].lower()
    return base if base in LANGUAGES else ENGLISH


@cache
def ours(key: str, language: str) -> Source:
    """Atrium's own template of a kind, in one of its languages."""
    subject, _, body = (FOLDER / language / f"{key}.md").read_text().partition("\n")
    return Source(subject.removeprefix("# "), body)


def letter(
    source: Source,
    locale: str,
    variables: Mapping[str, Any],
    look: Look,
    *,
    unsubscribe: str | None = None,
    follow: Callable[[str], str] = str,
    pixel: str | None = None,
) -> Letter:
    """The letter that a template makes. Raises BadTemplate.

    `follow` says where a link in it leads instead, `unsubscribe` where one gets no more of them, `pixel` what is
    fetched as it is opened.
    """
    name = variables.get("name") or ""
    spoken = language(locale)
    greeting = said(words("Hello {name},", name=name) if name else words("Hello,"), spoken)
    known = {"organization": look.name, **variables, "name": name, "greeting": greeting}
    subject = line(render(source.subject, known))[:MAX_SUBJECT]
    body = render(source.body, known)
    shown = {
        "subject": subject,
        "look": look,
        "language": locale,
        "direction": _direction(locale),
        "unsubscribe": unsubscribe,
        "no_more": said(words("No more e-mails like this"), spoken),
        "pixel": pixel,
    }
    content = Markup(html(body, look.color, look.text_color, follow))  # noqa: S704 - Markdown without HTML made it
    return Letter(
        subject,
        _layouts.get_template("layout.txt").render(content=plain(body), **shown),
        _layouts.get_template("layout.html").render(content=content, **shown),
    )


def message(
    letter: Letter, look: Look, name: str, address: str, reference: str, *, unsubscribe: str | None = None
) -> EmailMessage:
    """The message to a person. Equal references make equal Message-IDs, by which a repeated message is recognised.

    With `unsubscribe` a mail program offers to do it at one click (RFC 8058).
    """
    sender = settings().mail_from
    made = EmailMessage(policy=SMTP)
    made["From"] = Address(one_line(look.sender), addr_spec=parseaddr(sender)[1]) if look.sender else sender
    made["To"] = Address(one_line(name), addr_spec=address)
    made["Subject"] = letter.subject
    made["Date"] = format_datetime(now())
    made["Message-ID"] = f"<{reference}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    if unsubscribe:
        made["List-Unsubscribe"] = f"<{unsubscribe}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    made.set_content(letter.text)
    made.add_alternative(letter.html, subtype="html")
    return made


def preview(text: str, length: int) -> str:
    """The beginning of a text on one line, cut between words."""
    flat = " ".join(text.split())
    if len(flat) <= length:
        return flat
    cut = flat[: length - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"


@cache
def _direction(locale: str) -> str:
    try:
        return Locale.parse(locale, sep="-").text_direction
    except (ValueError, UnknownLocaleError):
        return "ltr"
