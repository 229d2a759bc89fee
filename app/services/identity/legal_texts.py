"""Legal texts, in versions: what the platform's staff publishes and everybody can read.

A version is published as a whole, in all of its languages, and never changed; another version takes its place from the
moment at which that one holds. Texts are plain text, in which blank lines part paragraphs: there is no markup in them
that a client could be made to run.
"""

import re
from typing import Annotated

from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Moment
from app.core.consents import TextVersion, holding
from app.core.errors import Invalid
from app.core.paging import Order
from app.core.regions import Locale
from app.models import LegalKind, LegalText, LegalTextDocument
from app.models.identity.events import LegalTextPublished
from app.models.identity.legal_texts import ENGLISH, VOLUNTARY

PLATFORM = Actor.platform()
LAW = frozenset({"kind", "version", "holds_from", "binding"})
BY_VERSION = Order(("version", "_id"))

_TAG = re.compile(r"<[A-Za-z/!?]")


class LanguagesWrong(Invalid):
    """A version needs to be there in English, and once in each of its languages."""

    code = "LANGUAGES_WRONG"


class MarkupRefused(Invalid):
    """There is HTML in what has to be plain text."""

    code = "MARKUP_REFUSED"


class NeverBinding(Invalid):
    """Nobody needs to agree to a text of this kind."""

    code = "NEVER_BINDING"


class AlreadyPast(Invalid):
    """Nobody can have known of the text at that moment."""

    code = "ALREADY_PAST"


class Wording(Command):
    """A legal text in one language."""

    language: Locale
    title: Annotated[str, Field(min_length=1, max_length=200)]
    text: Annotated[str, Field(min_length=1, max_length=60_000, description="Plain text; HTML is refused.")]


class LegalPublication(Command):
    """Another version of a legal text, in all of its languages; English must be one of them."""

    kind: LegalKind
    wordings: Annotated[list[Wording], Field(min_length=1, max_length=50)]
    binding: Annotated[
        bool, Field(description="Whether people change nothing before they have accepted it; never for COOKIES.")
    ] = False
    holds_from: Annotated[Moment | None, Field(description="Not in the past; from now on if it is null.")] = None


@changes.atomic
async def publish(actor: Actor, given: LegalPublication) -> LegalText:
    """The new version, in English. Raises LanguagesWrong, MarkupRefused, NeverBinding and AlreadyPast."""
    _check(given)
    newest = await LegalText.select(PLATFORM, {"kind": given.kind.value}, fields=LAW, order=BY_VERSION, limit=1)
    version, moment = newest[0].version + 1 if newest else 1, now()
    since = given.holds_from or moment
    texts = {
        one.language: LegalTextDocument(
            id=new_id(),
            kind=given.kind,
            version=version,
            language=one.language,
            title=one.title,
            text=one.text,
            binding=given.binding,
            holds_from=since,
            published_at=moment,
        )
        for one in given.wordings
    }
    english = texts[ENGLISH]
    told = LegalTextPublished(
        Actor(user_id=actor.user_id),
        text=english.id,
        kind=given.kind.value,
        version=version,
        since=since,
        binding=given.binding,
        languages=sorted(texts),
    )
    await changes.insert_all([text for text in texts.values() if text is not english])
    return await changes.insert(english, told)


def _check(given: LegalPublication) -> None:
    languages = [one.language for one in given.wordings]
    if ENGLISH not in languages or len(set(languages)) < len(languages):
        raise LanguagesWrong("Give the text in English, and once in each language.", path=["input", "wordings"])
    if any(_TAG.search(part) for one in given.wordings for part in (one.title, one.text)):
        raise MarkupRefused("Legal texts are plain text: HTML is refused.", path=["input", "wordings"])
    if given.binding and given.kind in VOLUNTARY:
        raise NeverBinding("Nobody needs to agree to a text of this kind.", path=["input", "binding"])
    if given.holds_from and given.holds_from < now():
        raise AlreadyPast("A text cannot hold from a moment that has passed.", path=["input", "holdsFrom"])


async def current(kind: LegalKind, language: str) -> LegalText | None:
    """The text that holds, in the language or the one it is a variety of, else in English."""
    where = {"kind": kind.value, "holds_from": {"$lte": now()}, "language": {"$in": _wanted(language)}}
    texts = await LegalText.select(PLATFORM, where, order=BY_VERSION, limit=len(_wanted(language)))
    return _best(texts, language)


async def in_force(language: str) -> list[LegalText]:
    """The texts that hold, one of each kind that there is."""
    found = [await current(kind, language) for kind in LegalKind]
    return [text for text in found if text is not None]


async def to_come(language: str) -> list[LegalText]:
    """The texts that are published and do not hold yet."""
    where = {"holds_from": {"$gt": now()}, "language": {"$in": _wanted(language)}}
    versions: dict[tuple[LegalKind, int], list[LegalText]] = {}
    for text in await LegalText.select(PLATFORM, where, order=BY_VERSION):
        versions.setdefault((text.kind, text.version), []).append(text)
    found = [_best(texts, language) for texts in versions.values()]
    return [text for text in found if text is not None]


async def law() -> list[TextVersion]:
    """Of each kind the version that holds, and those after it."""
    rows = await LegalText.select(PLATFORM, {"language": ENGLISH}, fields=LAW)
    every = [TextVersion(row.kind.value, row.version, row.holds_from, row.binding) for row in rows]
    first = {one.kind: one.version for one in holding(every, now())}
    return [one for one in every if one.version >= first.get(one.kind, 0)]


def _wanted(language: str) -> list[str]:
    """The languages in which somebody would read a text, the best first."""
    return list(dict.fromkeys([language, language.partition("-")[0], ENGLISH]))


def _best(texts: list[LegalText], language: str) -> LegalText | None:
    """Of the newest version."""
    wanted = _wanted(language)
    newest = [text for text in texts if text.version == texts[0].version]
    return min(newest, key=lambda text: wanted.index(text.language), default=None)
