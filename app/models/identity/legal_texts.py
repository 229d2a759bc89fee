from datetime import datetime
from enum import StrEnum
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.actor import Actor
from app.core.privacy import NEUTRAL
from app.models.base import StoredDocument, StoredRow, Where


class LegalKind(StrEnum):
    TERMS = "terms"
    PRIVACY = "privacy"
    COOKIES = "cookies"


VOLUNTARY = frozenset({LegalKind.COOKIES})
"""What nobody needs to agree to: such a text never binds, and agreement to it can be withdrawn."""

ENGLISH = "en"
"""The language that every version has."""


class LegalText(StoredRow):
    """A version of a legal text in one language. It never changes, for people have agreed to it."""

    collection = "legal_texts"
    personal = False
    policies = {"kind version language title text binding holds_from published_at": NEUTRAL}

    kind: LegalKind
    version: int
    """From 1."""
    language: str
    title: str
    text: str
    binding: bool
    holds_from: datetime
    published_at: datetime

    @classmethod
    def within(cls, actor: Actor, where: Where | None = None, **equal: Any) -> dict[str, Any]:
        """All of them, for anyone."""
        return {**equal, **(where or {})}


class LegalTextDocument(StoredDocument, LegalText):
    class Settings:
        name = LegalText.collection
        indexes = [
            IndexModel([("kind", ASCENDING), ("version", DESCENDING), ("language", ASCENDING)], unique=True),
        ]
