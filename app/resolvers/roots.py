"""The schema: every domain's verbs under the three roots."""

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from app.resolvers.identity import sessions, users
from app.resolvers.messaging import conversations, messages
from app.resolvers.organizations import invitations, members, organizations
from app.schema.kit.attempts import dry_run

Query = merge_types(
    "Query",
    (
        users.Query,
        organizations.Query,
        members.Query,
        invitations.Query,
        conversations.Query,
        messages.Query,
    ),
)
Mutation = merge_types(
    "Mutation",
    (
        sessions.Mutation,
        users.Mutation,
        organizations.Mutation,
        members.Mutation,
        invitations.Mutation,
        conversations.Mutation,
        messages.Mutation,
    ),
)

schema = strawberry.Schema(Query, Mutation, directives=[dry_run], config=StrawberryConfig(relay_max_results=100))
