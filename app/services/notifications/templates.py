"""Templates of organizations: drafts, their publication, and which is used for whom."""

from typing import Annotated

from bson import ObjectId
from pydantic import Field

from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.errors import NotFound
from app.core.machines import Machine, Transition, needs
from app.core.paging import Order, Page, PageArgs
from app.models import EmailTemplate, EmailTemplateDocument, Permission, TemplateState
from app.services.notifications import kinds, letters
from app.services.notifications.letters import Letter, Look, Source
from app.services.notifications.templating import MAX_SOURCE, BadTemplate, check

PLATFORM = Actor.platform()
DRAFT, PUBLISHED, RETIRED = TemplateState.DRAFT, TemplateState.PUBLISHED, TemplateState.RETIRED

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,39}$", description="The kind of e-mail, or a name of your own.")]
Locale = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}$", description="By BCP 47.")]


class TemplateDraft(Command):
    """What e-mails of a kind are to say in a language: Markdown with variables, conditions and loops."""

    key: Key
    locale: Locale
    subject: Annotated[str, Field(min_length=1, max_length=300)]
    body: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)]


class TemplateAction(Command):
    """A version of a template."""

    template_id: Annotated[ObjectId, Ref("EmailTemplate")]


class NotForOrganizations(BadTemplate):
    """E-mails of this kind are the platform's own."""

    code = "NOT_FOR_ORGANIZATIONS"


_managing = needs(Permission.CAMPAIGNS_MANAGE)

TEMPLATE = Machine(
    Transition("publish", frozenset({DRAFT}), PUBLISHED, _managing),
    Transition("retire", frozenset({DRAFT, PUBLISHED}), RETIRED, _managing),
)


async def find(actor: Actor, id: ObjectId) -> EmailTemplate | None:
    return await EmailTemplate.lookup(actor, _id=id)


async def newest(actor: Actor, page: PageArgs, key: str | None) -> Page[EmailTemplate]:
    """The organization's templates, all versions of them."""
    return await EmailTemplate.page(actor, page, {"key": key} if key else {})


@changes.atomic
async def keep(actor: Actor, given: TemplateDraft) -> EmailTemplate:
    """Store a draft, in place of the one that there is. Raises BadTemplate."""
    assert actor.user_id
    assert actor.organization_id
    if given.key in kinds.OF_PLATFORM:
        raise NotForOrganizations("E-mails of this kind are the platform's own.", path=["input", "key"])
    for name, source in (("subject", given.subject), ("body", given.body)):
        try:
            check(source, kinds.sample(given.key))
        except BadTemplate as error:
            raise BadTemplate(error.message, path=["input", name]) from None
    shown(given.key, given.locale, Source(given.subject, given.body), Look())
    same = {"key": given.key, "locale": given.locale}
    set = {"subject": given.subject, "body": given.body, "created_by_id": actor.user_id, "changed_at": now()}
    where = EmailTemplate.within(actor, same, state=DRAFT.value)
    if (draft := await changes.change(EmailTemplate, where, {"$set": set})) is not None:
        return draft
    before = await EmailTemplate.select(actor, same, order=Order(("number",)), limit=1)
    made = EmailTemplateDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        **same,
        number=before[0].number + 1 if before else 1,
        subject=given.subject,
        body=given.body,
        created_by_id=actor.user_id,
        created_at=now(),
        changed_at=now(),
    )
    return await changes.insert(made)


@changes.atomic
async def publish(actor: Actor, given: TemplateAction) -> EmailTemplate:
    """Let a draft be what is sent, instead of what was before. Raises NotFound or IllegalTransition."""
    draft = await _there(actor, given)
    where = EmailTemplate.within(actor, key=draft.key, locale=draft.locale, state=PUBLISHED.value)
    TEMPLATE.check(actor, draft, "publish")
    await changes.change(EmailTemplate, where, {"$set": {"state": RETIRED.value, "changed_at": now()}})
    return await TEMPLATE.move(actor, draft, "publish", where={"organization_id": draft.organization_id})


async def retire(actor: Actor, given: TemplateAction) -> EmailTemplate:
    """Send by this no more: what Atrium says by itself is sent again. Raises NotFound or IllegalTransition."""
    found = await _there(actor, given)
    return await TEMPLATE.move(actor, found, "retire", where={"organization_id": found.organization_id})


async def published(organization_id: ObjectId, key: str, locale: str, default: str) -> tuple[Source, str] | None:
    """The organization's template for somebody with a locale, and in which language it is; None if it has none.

    The first of: their locale, its language, the organization's own, English, any.
    """
    rows = await EmailTemplate.select(Actor.platform(organization_id), {"key": key, "state": PUBLISHED.value})
    by_locale = {row.locale: row for row in sorted(rows, key=lambda row: row.locale, reverse=True)}
    wanted = (locale, locale.partition("-")[0], default, default.partition("-")[0], "en", *sorted(by_locale))
    found = next((by_locale[one] for one in wanted if one in by_locale), None)
    return None if found is None else (Source(found.subject, found.body), found.locale)


def shown(key: str, locale: str, source: Source, look: Look) -> Letter:
    """The letter that a template makes of its sample. Raises BadTemplate."""
    return letters.letter(source, locale, {**kinds.sample(key), "organization": look.name}, look)


async def _there(actor: Actor, given: TemplateAction) -> EmailTemplate:
    found = await EmailTemplate.lookup(actor, _id=given.template_id)
    if found is None:
        raise NotFound("There is no such {kind}.", kind="EmailTemplate", path=["input", "templateId"])
    return found
