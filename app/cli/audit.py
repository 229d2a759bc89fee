"""`atrium audit`: whether the past is as it was written."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from app.cli import tables
from app.cli.console import fail, found, out

commands = typer.Typer(help="Verify the audit trail.", no_args_is_help=True)


@commands.command()
def verify(
    organization: Annotated[str | None, typer.Option(metavar="ID", help="Only this organization's chain.")] = None,
    json: tables.Json = False,
) -> None:
    """Look at every entry and head of the trail, and beside the change log. Exit with 1 when anything is wrong."""
    from app.services.audit import verification

    verdict = found(verification.verify, organization)
    if json:
        tables.json(verdict)
    if verdict.wrong:
        fail("NOT AS WRITTEN\n" + "\n".join(verdict.wrong))
    if not json:
        out.print(
            f"{verdict.entries:,} entries of {verdict.chains:,} chains, and {verdict.heads:,} signed heads, "
            "are as they were written.",
            highlight=False,
        )


@commands.command()
def key() -> None:
    """Show the public keys that verify signed heads, the present one first. Publish them where others can compare."""
    from app.services.audit import heads

    for name, public in heads.public_keys().items():
        out.print(f"{name}  {heads.raw(public).hex()}", highlight=False, soft_wrap=True)


@commands.command()
def check(
    proof: Annotated[Path, typer.Argument(help="The answer of `auditProof`, as JSON.")],
    key: Annotated[str, typer.Argument(help="The public key that you know, in hexadecimal digits.")],
) -> None:
    """Verify the proof of an entry, without any server. Exit with 1 when it proves nothing."""
    from app.core.merkle import Sibling
    from app.services.audit import heads

    try:
        given = orjson.loads(proof.read_text())
        made = heads.Proof(
            given["content"].encode(),
            [Sibling(bytes.fromhex(one["hash"]), left=one["left"]) for one in given["path"]],
            given["statement"].encode(),
            bytes.fromhex(given["signature"]),
            bytes.fromhex(key),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fail(f"{proof} is not a proof: {error!r}")
    if not heads.proves(made):
        fail("This proves nothing: the entry, the head or the signature is not as it was made.")
    out.print("The entry is in the signed head.")
