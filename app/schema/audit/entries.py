from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
import strawberry
from bson import ObjectId
from strawberry import UNSET
from strawberry.scalars import JSON

from app import models
from app.core import merkle
from app.schema.identity.users import User
from app.schema.kit.fields import computed, edge
from app.schema.kit.filters import DateTimeFilter, IdFilter, StringFilter, combined, refers
from app.schema.kit.nodes import Node
from app.services.audit import entries, heads


@strawberry.type(description="What an entry is about.")
class AuditTarget:
    name: str = strawberry.field(description="What it is in the entry, such as `user`.")
    id: str = strawberry.field(description="Its document id: what follows the prefix in ids of nodes.")


@strawberry.type(description="From where somebody acted.")
class AuditPlace:
    address: str
    agent: str


@strawberry.type(description="One field of what was changed.")
class AuditChange:
    field: str

    @computed("before", description="Its value before; null for what was made.")
    def before(row: strawberry.Parent[entries.FieldChange]) -> JSON | None:
        return None if row.before is None else _plain(row.before)

    @computed("after", description="Its value afterwards; null for what is gone.")
    def after(row: strawberry.Parent[entries.FieldChange]) -> JSON | None:
        return None if row.after is None else _plain(row.after)


@strawberry.type(description="What somebody did, or the platform by itself. Entries of an organization have no gaps.")
class AuditEntry(Node):
    model = models.AuditEntry

    number: int = strawberry.field(description="From 1, in the order in which things happened.")
    action: str = strawberry.field(description="A noun and what happened to it, such as `membership.changed`.")
    at: datetime
    actor: str = strawberry.field(description="Who did it, as the log names them: a user is `u:` and an id.")
    user: User | None = edge(models.User, by="actor_id", description="The person who did it, if it was a person.")

    @computed(
        "behind_id", description="Who of the platform's staff acted as them, named likewise; null where nobody did."
    )
    def behind(row: strawberry.Parent[models.AuditEntry]) -> str | None:
        return f"u:{row.behind_id}" if row.behind_id else None

    door: str | None = strawberry.field(description="How it came about: `graphql`, `job` or `command`.")
    request_id: str | None = strawberry.field(description="The request or job, as logs and headers name it.")

    @computed("data", description="The things it is about.")
    def targets(row: strawberry.Parent[models.AuditEntry]) -> list[AuditTarget]:
        return [AuditTarget(name=name, id=str(id)) for name, id in row.data.items() if isinstance(id, ObjectId)]

    @computed("data", description="What else is known of it.")
    def details(row: strawberry.Parent[models.AuditEntry]) -> JSON:
        return _plain({name: value for name, value in row.data.items() if not isinstance(value, ObjectId)})

    @computed(
        "place", description="Null for what the platform did, and of people who were erased.", returns=AuditPlace | None
    )
    async def place(row: strawberry.Parent[models.AuditEntry]) -> entries.Place | None:
        return await entries.place_of(row)

    @computed("image", description="Before and after; null where neither is kept.", returns=list[AuditChange] | None)
    async def changes(row: strawberry.Parent[models.AuditEntry]) -> Sequence[entries.FieldChange] | None:
        return await entries.changes_of(row)

    @computed("hash", description="What the chain of the organization comes to with this entry, in hexadecimal digits.")
    def hash(row: strawberry.Parent[models.AuditEntry]) -> str:
        return row.hash.hex()


@strawberry.type(description="A step from a digest to the root of a head.")
class AuditSibling:
    left: bool = strawberry.field(description="Whether it stands to the left.")

    @computed("hash", description="In hexadecimal digits.")
    def hash(row: strawberry.Parent[merkle.Sibling]) -> str:
        return row.hash.hex()


@strawberry.type(
    description=(
        "What it takes to verify an entry without this server, as `atrium audit check` does: SHA-256(0x00, "
        "SHA-256(content)), and along the path SHA-256(0x01, left, right), come to the `root` in the statement, "
        "which the signature (Ed25519) signs."
    )
)
class AuditProof:
    path: list[AuditSibling]

    @computed("content", description="The entry: sorted JSON, as it was hashed.")
    def content(row: strawberry.Parent[heads.Proof]) -> str:
        return row.content.decode()

    @computed("statement", description="The signed head: sorted JSON.")
    def statement(row: strawberry.Parent[heads.Proof]) -> str:
        return row.statement.decode()

    @computed("signature", description="In hexadecimal digits.")
    def signature(row: strawberry.Parent[heads.Proof]) -> str:
        return row.signature.hex()

    @computed("public_key", description="In hexadecimal digits. Compare it with the one that you know.")
    def public_key(row: strawberry.Parent[heads.Proof]) -> str:
        return row.public_key.hex()


@strawberry.input(description="Which entries; all that is given must hold.")
class AuditFilter:
    action: StringFilter | None = UNSET
    actor: StringFilter | None = UNSET
    actor_id: IdFilter | None = refers(User)
    request_id: StringFilter | None = UNSET
    at: DateTimeFilter | None = UNSET
    and_: list["AuditFilter"] | None = combined("and")
    or_: list["AuditFilter"] | None = combined("or")
    not_: "AuditFilter | None" = combined("not")


def _plain(value: Any) -> JSON:
    return JSON(orjson.loads(orjson.dumps(value, default=str, option=orjson.OPT_UTC_Z)))
