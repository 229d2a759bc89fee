"""What an e-mail of Atrium looks like: a letter in words, and the message in text and HTML that is made of it."""

import hashlib
import unicodedata
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from app.core.clock import now
from app.core.settings import settings

MAX_SUBJECT = 150

_templates = Environment(
    loader=PackageLoader("app.services.notifications"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of somebody else."""

    author: str
    text: str


@dataclass(frozen=True, slots=True)
class Letter:
    """What an e-mail says: paragraphs, what others wrote, one link to follow, and a closing word."""

    subject: str
    paragraphs: tuple[str, ...]
    action: str
    link: str
    quotes: tuple[Quote, ...] = ()
    closing: str = ""


def message(letter: Letter, name: str, address: str, reference: str) -> EmailMessage:
    """The message to a person. Equal references make equal Message-IDs, by which a repeated message is recognised."""
    sender = settings().mail_from
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = Address(one_line(name), addr_spec=address)
    made["Subject"] = one_line(letter.subject)[:MAX_SUBJECT]
    made["Date"] = format_datetime(now())
    digest = hashlib.blake2s(reference.encode(), digest_size=16).hexdigest()
    made["Message-ID"] = f"<{digest}@{parseaddr(sender)[1].rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(_templates.get_template("letter.txt").render(letter=letter))
    made.add_alternative(_templates.get_template("letter.html").render(letter=letter), subtype="html")
    return made


def one_line(text: str) -> str:
    """Text that can stand in a header: no line breaks and no other control characters."""
    return " ".join("".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text).split())


def preview(text: str, length: int) -> str:
    """The beginning of a text on one line, cut between words."""
    flat = " ".join(text.split())
    if len(flat) <= length:
        return flat
    cut = flat[: length - 1]
    return f"{cut.rpartition(' ')[0] or cut}…"
