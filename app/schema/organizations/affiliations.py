from datetime import datetime

import strawberry

from app import models
from app.schema.kit.fields import batched
from app.schema.kit.nodes import Node, by_class
from app.schema.kit.transitions import AvailableTransition, available_transitions
from app.services.organizations import affiliations
from app.services.organizations.affiliations import AFFILIATION

strawberry.enum(models.AffiliationState, description="How far an affiliation has come.")


@strawberry.type(description="Somebody who sells for an organization, or would like to.")
class Marketer:
    name: str
    handle: str | None
    bio: str

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.User)


@strawberry.type(description="An organization for which somebody sells.")
class AffiliatedOrganization:
    name: str
    slug: str

    @classmethod
    @by_class
    def is_type_of(cls, value: object, info: object) -> bool:
        return isinstance(value, models.Organization)


@strawberry.type(description="That somebody sells for an organization, or would like to.")
class Affiliation(Node):
    model = models.Affiliation

    state: models.AffiliationState
    pitch: str = strawberry.field(description="What the person says of themselves.")
    marketer: Marketer | None = batched(affiliations.people, by="user_id", description="Who sells, or would like to.")
    organization: AffiliatedOrganization | None = batched(
        affiliations.organizations, by="organization_id", description="For whom."
    )
    created_at: datetime
    changed_at: datetime
    available_transitions: list[AvailableTransition] = available_transitions(AFFILIATION)
