"""Links in e-mails that say by themselves what they are for: sealed, and good for as long as SECRET_KEY is."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from app.core import seals
from app.core.errors import Invalid
from app.core.settings import settings


class BadLink(Invalid):
    """A link that this server has not made."""

    code = "BAD_LINK"


def made(path: str, plain: bytes) -> str:
    """The address of what is at a path, with what it is to know again."""
    token = urlsafe_b64encode(seals.seal(f"link:{path}", plain)).rstrip(b"=").decode()
    return settings().address(f"{path}/{token}")


def opened(path: str, token: str) -> bytes:
    """What such an address knows. Raises BadLink."""
    try:
        return seals.unseal(f"link:{path}", urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, binascii.Error):
        raise BadLink("This link is not one of ours.") from None
