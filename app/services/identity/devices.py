"""What people call the devices they sign in with, and where these are: words for a list and an e-mail, proof of
nothing."""

import re

from app.core.actor import Actor
from app.core.keyring import revealed
from app.core.paging import NEWEST
from app.integrations import maxmind
from app.models import Session

_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X|Macintosh", "macOS"),
    ("Linux|X11", "Linux"),
)
# Browsers say of themselves that they are others as well: the more particular come first.
_BROWSERS = (
    ("Edg(?:e|A|iOS)?/", "Edge"),
    ("OPR/|Opera", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Vivaldi/", "Vivaldi"),
    ("Firefox/|FxiOS/", "Firefox"),
    ("HeadlessChrome/|Chrome/|Chromium/|CriOS/", "Chrome"),
    ("Version/.+ Safari/", "Safari"),
)
_PRODUCT = re.compile(r"[A-Za-z][\w .-]{0,39}(?=/)")
UNKNOWN = "Unknown device"
REMEMBERED = 200
"""Sessions before one that are looked through."""


def name(agent: str) -> str:
    """What a `User-Agent` calls itself in two words, `Firefox on Windows`; versions are left out."""
    system = next((word for pattern, word in _SYSTEMS if re.search(pattern, agent)), None)
    browser = next((word for pattern, word in _BROWSERS if re.search(pattern, agent)), None)
    if browser is None and not agent.startswith("Mozilla/") and (product := _PRODUCT.match(agent)):
        browser = product[0]
    return " on ".join(part for part in (browser, system) if part) or UNKNOWN


def place(address: str) -> str | None:
    """Where an address is said to be, `Lyon, France`; None where nobody knows."""
    return maxmind.place(address)


async def is_new(session: Session) -> bool:
    """Whether its person has been here before, and never with a device of this name, in the sessions we still know."""
    before = {"user_id": session.user_id, "_id": {"$lt": session.id}, "behind_id": None}
    fields = frozenset({"agent"})
    known = await Session.select(Actor.platform(), before, fields=fields, order=NEWEST, limit=REMEMBERED)
    names = {name(await revealed(one.agent)) for one in known}
    return bool(known) and name(await revealed(session.agent)) not in names
