"""The schema: every domain's verbs under the three roots."""

import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from app.resolvers import nodes
from app.resolvers.identity import sessions, users
from app.resolvers.messaging import conversations, feeds, messages, presence
from app.resolvers.notifications import notifications
from app.resolvers.organizations import invitations, members, organizations
from app.resolvers.platform import consumers, jobs, queues, sagas, schedules
from app.schema.kit.attempts import dry_run
from app.schema.kit.settling import settled
from app.schema.messaging.events import EVENTS as CONVERSATION_EVENTS
from app.schema.notifications.events import EVENTS as NOTIFICATION_EVENTS
from app.schema.platform.consumers import POSITIONS

Query = merge_types(
    "Query",
    (
        nodes.Query,
        users.Query,
        organizations.Query,
        members.Query,
        invitations.Query,
        conversations.Query,
        messages.Query,
        notifications.Query,
        jobs.Query,
        queues.Query,
        schedules.Query,
        consumers.Query,
        sagas.Query,
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
        presence.Mutation,
        notifications.Mutation,
        jobs.Mutation,
        queues.Mutation,
        schedules.Mutation,
        consumers.Mutation,
        sagas.Mutation,
    ),
)
Subscription = merge_types(
    "Subscription",
    (
        feeds.Subscription,
        presence.Subscription,
        notifications.Subscription,
        jobs.Subscription,
        queues.Subscription,
    ),
)

schema = strawberry.Schema(
    Query,
    Mutation,
    Subscription,
    types=[*CONVERSATION_EVENTS, *NOTIFICATION_EVENTS],
    directives=[dry_run, settled],
    config=StrawberryConfig(relay_max_results=100, scalar_map=POSITIONS),
)
