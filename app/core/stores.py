"""Where bytes are kept outside the database: a folder, made if need be, or a bucket that speaks S3."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from obstore.store import LocalStore, ObjectStore, from_url


def opened(url: str) -> ObjectStore:
    """The store at file:///a/folder or s3://bucket/prefix."""
    address = urlsplit(url)
    if address.scheme != "file":
        return from_url(url)
    folder = Path(unquote(address.path))
    folder.mkdir(parents=True, exist_ok=True)
    return LocalStore(folder)
