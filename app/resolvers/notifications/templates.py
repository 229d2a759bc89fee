import strawberry

from app import models
from app.core.errors import Forbidden, NotFound
from app.core.paging import Page, PageArgs
from app.schema.kit.audiences import needs
from app.schema.kit.context import Info
from app.schema.kit.fields import connection, mutation, query
from app.schema.kit.nodes import key as id_of
from app.schema.notifications.templates import EmailPreview, EmailTemplate
from app.services.notifications import templates, trials
from app.services.notifications.letters import Letter
from app.services.notifications.templates import TemplateAction

MANAGE = needs(models.Permission.CAMPAIGNS_MANAGE)


@strawberry.type
class Query:
    @connection(EmailTemplate, MANAGE)
    async def email_templates(self, info: Info, page: PageArgs, key: str | None = None) -> Page[models.EmailTemplate]:
        """The organization's templates, all versions of them; the newest first."""
        return await templates.newest(info.context.actor, page, key)

    @query(EmailPreview | None, MANAGE)
    async def email_preview(self, info: Info, id: strawberry.ID) -> Letter | None:
        """A version of a template with an example of all that is filled in."""
        found = await templates.find(info.context.actor, id_of(id, EmailTemplate))
        return await trials.preview(info.context.actor, found) if found else None

    @query(EmailPreview | None, MANAGE)
    async def built_in_email(self, info: Info, key: str, locale: str = "en") -> Letter | None:
        """What e-mails of a kind say where the organization has no template of its own."""
        return await trials.built_in(info.context.actor, key, locale)


@strawberry.type
class Mutation:
    @mutation(EmailTemplate, MANAGE)
    async def save_email_template(self, info: Info, input: templates.TemplateDraft) -> models.EmailTemplate:
        """Store a draft of what e-mails of a kind are to say in a language, in place of the one that there is."""
        return await templates.keep(info.context.actor, input)

    @mutation(EmailTemplate, MANAGE, fails=(NotFound, Forbidden))
    async def publish_email_template(self, info: Info, input: TemplateAction) -> models.EmailTemplate:
        """Let a draft be what is sent from here on."""
        return await templates.publish(info.context.actor, input)

    @mutation(EmailTemplate, MANAGE, fails=(NotFound, Forbidden))
    async def retire_email_template(self, info: Info, input: TemplateAction) -> models.EmailTemplate:
        """Send by this version no more."""
        return await templates.retire(info.context.actor, input)

    @mutation(EmailTemplate, MANAGE, fails=(NotFound,))
    async def send_test_email(self, info: Info, input: TemplateAction) -> models.EmailTemplate:
        """Send a version to oneself, with an example of all that is filled in."""
        return await trials.send(info.context.actor, input)
