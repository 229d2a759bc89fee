"""Consents: which versions of the legal texts a person has accepted, and which they have yet to."""

from collections.abc import Iterable, Mapping
from typing import Annotated

from bson import ObjectId

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.consents import TextVersion, holding
from app.core.errors import Conflict, NotFound
from app.core.paging import Page, PageArgs
from app.core.rows import Names
from app.models import Consent, ConsentDocument, LegalText, User
from app.models.identity.events import ConsentGiven, ConsentWithdrawn
from app.models.identity.legal_texts import VOLUNTARY
from app.services.identity import legal_texts

PLATFORM = Actor.platform()


class TextSuperseded(Conflict):
    """Another version of the text holds by now."""

    code = "TEXT_SUPERSEDED"


class ConsentLasts(Conflict):
    """Agreement to a text of this kind ends with the account only."""

    code = "CONSENT_LASTS"


class Acceptance(Command):
    """The legal text, in the language in which one has read it."""

    text_id: Annotated[ObjectId, Ref("LegalText")]


class Withdrawal(Command):
    """A consent of one's own."""

    consent_id: Annotated[ObjectId, Ref("Consent")]


@changes.atomic
async def accept(actor: Actor, given: Acceptance) -> Consent:
    """Agree to a text that holds or will; once is enough. Raises NotFound, and TextSuperseded."""
    assert actor.user_id
    text = await LegalText.lookup(PLATFORM, _id=given.text_id)
    if text is None:
        raise NotFound("There is no such {kind}.", kind="LegalText", path=["input", "textId"])
    if all((text.kind, text.version) != (one.kind, one.version) for one in await legal_texts.law()):
        raise TextSuperseded("There is a newer version of this text.", path=["input", "textId"])
    consent = ConsentDocument(
        id=new_id(),
        user_id=actor.user_id,
        text_id=text.id,
        kind=text.kind,
        version=text.version,
        language=text.language,
        accepted_at=now(),
    )
    told = ConsentGiven(
        _outside(actor),
        user=actor.user_id,
        consent=consent.id,
        text=text.id,
        kind=text.kind.value,
        version=text.version,
        language=text.language,
    )
    once = {"kind": text.kind.value, "version": text.version, "withdrawn_at": None}
    return (await changes.insert_once(consent, Consent.within(actor, once), told))[0]


async def withdraw(actor: Actor, given: Withdrawal) -> Consent:
    """Agree no more, from now on; once is enough. Raises NotFound, and ConsentLasts."""
    assert actor.user_id
    consent = await Consent.lookup(actor, _id=given.consent_id)
    if consent is None:
        raise NotFound("There is no such {kind}.", kind="Consent", path=["input", "consentId"])
    if consent.kind not in VOLUNTARY:
        raise ConsentLasts("Agreement to this text ends with the account only.", path=["input", "consentId"])
    told = ConsentWithdrawn(
        _outside(actor), user=actor.user_id, consent=consent.id, kind=consent.kind.value, version=consent.version
    )
    standing = Consent.within(actor, _id=consent.id, withdrawn_at=None)
    withdrawn = await changes.change(Consent, standing, {"$set": {"withdrawn_at": now()}}, told)
    return withdrawn or await Consent.require(actor, consent.id)


def _outside(actor: Actor) -> Actor:
    """The person in no organization: what they agree to is between them and the platform."""
    return Actor(user_id=actor.user_id)


async def find(actor: Actor, id: ObjectId) -> Consent | None:
    return await Consent.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs) -> Page[Consent]:
    """What the actor has agreed to, and has withdrawn."""
    return await Consent.page(actor, page)


async def owed(user_id: ObjectId, law: Iterable[TextVersion]) -> tuple[TextVersion, ...]:
    """The versions to which the person has not answered; who has withdrawn a consent has."""
    rows = await Consent.select(Actor(user_id=user_id), fields=frozenset({"kind", "version"}))
    answered: dict[str, int] = {}
    for row in rows:
        answered[row.kind] = max(row.version, answered.get(row.kind, 0))
    return tuple(one for one in law if one.version > answered.get(one.kind, 0))


async def due(actor: Actor, user_ids: Iterable[ObjectId], fields: Names | None) -> Mapping[ObjectId, list[LegalText]]:
    """The texts that hold and that the actor has not accepted, in their language; of nobody else."""
    if actor.user_id is None or actor.user_id not in user_ids:
        return {}
    missing = {one.kind for one in holding(await owed(actor.user_id, await legal_texts.law()), now())}
    user = await User.lookup(PLATFORM, _id=actor.user_id, fields=frozenset({"locale"}))
    texts = await legal_texts.in_force(user.locale) if user and missing else []
    return {actor.user_id: [text for text in texts if text.kind in missing]}
