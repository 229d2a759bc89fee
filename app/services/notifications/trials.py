"""How a template comes out: shown with its sample, and sent to whoever tries it."""

from app.core.actor import Actor
from app.core.clock import new_id
from app.core.errors import NotFound
from app.models import Channel, DeliveryPriority, EmailTemplate, Organization
from app.services.identity import users
from app.services.notifications import deliveries, kinds, templates
from app.services.notifications.deliveries import Wanted
from app.services.notifications.letters import Letter, Source, language, ours
from app.services.notifications.mail import look_of
from app.services.notifications.templates import TemplateAction


async def preview(actor: Actor, template: EmailTemplate) -> Letter:
    """A version with the sample of its kind, in the organization's look."""
    source = Source(template.subject, template.body)
    return templates.shown(template.key, template.locale, source, look_of(await _organization(actor)))


async def built_in(actor: Actor, key: str, locale: str) -> Letter:
    """What Atrium says by itself. Raises NotFound."""
    if key not in kinds.KINDS:
        raise NotFound("There is no such {kind}.", kind="EmailTemplate", path=["key"])
    return templates.shown(key, language(locale), ours(key, language(locale)), look_of(await _organization(actor)))


async def send(actor: Actor, given: TemplateAction) -> EmailTemplate:
    """Send a version with its sample to the actor. Raises NotFound."""
    template = await EmailTemplate.lookup(actor, _id=given.template_id)
    if template is None:
        raise NotFound("There is no such {kind}.", kind="EmailTemplate", path=["input", "templateId"])
    me = await users.me(actor)
    source = {"subject": template.subject, "body": template.body}
    wanted = Wanted(
        channel=Channel.EMAIL,
        kind="test",
        template=template.key,
        address=me.email,
        content={**kinds.sample(template.key), "name": me.name, "source": source},
        locale=template.locale,
        organization_id=actor.organization_id,
        user_id=me.id,
        priority=DeliveryPriority.URGENT,
    )
    await deliveries.ask(new_id(), wanted)
    return template


async def _organization(actor: Actor) -> Organization:
    assert actor.organization_id
    return await Organization.require(actor, actor.organization_id)
