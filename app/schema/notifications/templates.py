from datetime import datetime

import strawberry

from app import models
from app.schema.identity.users import User
from app.schema.kit.fields import edge
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.notifications.letters import Letter
from app.services.notifications.templates import TEMPLATE

strawberry.enum(models.TemplateState, description="Whether a version of a template is used.")


@strawberry.type(description="A version of what the organization's e-mails of a kind say in a language.")
class EmailTemplate(Node):
    model = models.EmailTemplate

    key: str = strawberry.field(description="The kind of e-mail, or a name of the organization's own, for campaigns.")
    locale: str
    number: int = strawberry.field(description="Of the version, from 1.")
    subject: str
    body: str = strawberry.field(description="Markdown with variables, conditions and loops.")
    state: models.TemplateState
    created_by: User | None = edge(models.User, by="created_by_id")
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(TEMPLATE)


@strawberry.type(description="An e-mail as it comes out.")
class EmailPreview:
    subject: str
    text: str
    html: str = strawberry.field(description="A whole document; show it in a frame without scripts.")

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, Letter)
