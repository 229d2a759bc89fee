"""The keys that seal backups. They live outside the database and outside the backups."""

import hashlib
from base64 import b64decode
from dataclasses import dataclass, field
from typing import Self

from app.core.backups.errors import BackupError


@dataclass(frozen=True, slots=True)
class Key:
    """32 random bytes, and the name under which backups ask for them."""

    secret: bytes = field(repr=False)

    @property
    def id(self) -> bytes:
        """8 bytes that name the key and tell nothing of it."""
        return hashlib.blake2s(self.secret, digest_size=8, person=b"atriumbk").digest()


class Keys:
    """The first seals what is written; each of them opens what it sealed."""

    def __init__(self, *keys: Key) -> None:
        self.newest = keys[0]
        self._by_id = {key.id: key for key in keys}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Keys in base64, separated by commas."""
        return cls(*(Key(b64decode(part)) for part in text.split(",")))

    def named(self, id: bytes, object: str) -> Key:
        """The key that sealed an object."""
        if (key := self._by_id.get(id)) is None:
            ours = ", ".join(known.hex() for known in self._by_id)
            raise BackupError(
                f"{object} was sealed with key {id.hex()}, and BACKUP_KEY holds {ours}: add the key to it."
            )
        return key
