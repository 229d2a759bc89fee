"""`atrium permissions`: who may use which root field, as a table for people, made from what each field declares."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from bson import ObjectId

from app.cli.console import keep
from app.core.actor import ANONYMOUS, Actor

if TYPE_CHECKING:
    from app.schema.kit.audiences import Audience

ON_BEHALF = "on behalf of an owner"
_SOMEBODY, _SOMEWHERE = ObjectId("0" * 24), ObjectId("1" * 24)

HEAD = """# Who may what

Each field of the roots says whom it is for; this table is made of that (`make schema`), and a test asks every field as
each of these callers. Whether a person may do it to *this* thing, such as a message of somebody else, is the business
of the services: `availableTransitions` and refusals tell it.
"""


def permissions(
    output: Annotated[Path, typer.Option(help="The file to write; - prints it.")] = Path("docs/permissions.md"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 1 when the file differs.")] = False,
) -> None:
    """Write the table of who may use which field."""
    wrong = "is not what the fields declare. Look at what changed, then run: atrium permissions"
    keep(output, HEAD + "\n".join(_table()), wrong, check=check)


def callers() -> Mapping[str, Actor]:
    """One of each kind."""
    from app.models import DUTIES, GRANTS, KEY_PERMISSIONS, Role

    key = Actor(_SOMEWHERE, permissions=KEY_PERMISSIONS, key_id=_SOMEBODY)
    members = {
        role.value: Actor(_SOMEWHERE, _SOMEBODY, permissions=granted) for role, granted in GRANTS.items() if granted
    }
    own = Actor(_SOMEWHERE, _SOMEBODY, permissions=GRANTS[Role.OWNER], behind_id=_SOMEBODY)
    staff = {f"{role.value} staff": duties for role, duties in DUTIES.items()}
    return {
        "nobody": ANONYMOUS,
        "in no organization": Actor(user_id=_SOMEBODY),
        **dict(reversed(members.items())),
        ON_BEHALF: own,
        "API key": key,
        **{role: Actor(user_id=_SOMEBODY, staff=True, duties=duties) for role, duties in staff.items()},
    }


def admitted() -> Mapping[str, Mapping[str, Mapping[str, bool]]]:
    """Whether each of `callers` may use a field: by root, field and caller; of `node`, by the type of thing."""
    from app.resolvers.nodes import NODES
    from app.resolvers.roots import schema

    found = {"node": {kind.__name__: _who(audience) for kind, (audience, _) in NODES.items()}}
    for root in ("Query", "Mutation", "Subscription"):
        for field in schema.get_type_by_name(root).fields:  # type: ignore[union-attr]
            name = schema.config.name_converter.get_graphql_name(field)
            found.setdefault(root, {})[name] = _who(field.metadata["audience"])
    return found


def _who(audience: "Audience") -> dict[str, bool]:
    return {caller: audience.bar(actor) is None for caller, actor in callers().items()}


def _table() -> Iterator[str]:
    names = list(callers())
    for root, fields in admitted().items():
        yield f"\n## {root}\n"
        yield f"| field | {' | '.join(names)} |"
        yield "|---" + "|:-:" * len(names) + "|"
        for field, may in sorted(fields.items()):
            yield f"| {field} | {' | '.join('yes' if may[name] else '' for name in names)} |"
    yield ""
