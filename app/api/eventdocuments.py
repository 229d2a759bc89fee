"""Executing the documents of webhooks: queries like any other, as the endpoint and about one event."""

from collections.abc import Mapping
from typing import Any

from strawberry import Schema

from app.api.results import payload
from app.api.runs import run
from app.core.actor import Actor
from app.core.feeds import Told
from app.core.settings import Settings
from app.execution.engine import Engine
from app.execution.limits import Limits
from app.execution.operations import Operation, Refused
from app.schema.kit.attempts import Placement
from app.schema.kit.context import Context
from app.services.webhooks.documents import DocumentRefused

MAX_COST = 500
"""Of a document: it is executed for every event that its endpoint hears of."""


class EventDocuments:
    """Who knows the schema, for `services.webhooks.documents`."""

    def __init__(self, schema: Schema, settings: Settings) -> None:
        limits = Limits.of(settings)
        limits = Limits(limits.tokens, limits.depth, limits.fields, limits.aliases, limits.directives, MAX_COST)
        # Who writes a document may know the schema: what is wrong with it is said in full.
        self._engine = Engine(
            schema,
            limits,
            introspection=False,
            suggestions=settings.open,
            rules=[Placement],
            execution=settings.graphql_execution,
        )
        self._seconds = settings.graphql_timeout_seconds

    def check(self, text: str) -> None:
        """Raises DocumentRefused."""
        self._prepared(text)

    async def made(self, text: str, actor: Actor, told: Told) -> Mapping[str, Any]:
        """What the document makes of an event: `data`, and `errors` where a part failed. Raises DocumentRefused."""
        context = Context(actor, request_id=f"webhook-{told.change.id}")
        context.told = told
        result = await run(self._engine, self._prepared(text), None, context, self._seconds)
        return payload(result, context)

    def _prepared(self, text: str) -> Operation:
        try:
            operation = self._engine.prepare(text, None)
        except Refused as refused:
            first = refused.errors[0]
            raise DocumentRefused(
                "The document is refused: {problem}", path=["input", "document"], problem=first.message
            ) from None
        if operation.kind != "query":
            raise DocumentRefused("The document of a webhook is a query.", path=["input", "document"])
        if operation.definition.variable_definitions:
            raise DocumentRefused("The document of a webhook has no variables.", path=["input", "document"])
        return operation
