"""The decorators of the API.

Each wraps a plain function and returns a field: there is nothing to unwrap at run time.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from inspect import Parameter, Signature, getdoc, signature
from typing import Annotated, Any, Union, get_type_hints

import strawberry
from strawberry.utils.str_converters import capitalize_first, to_camel_case

from app.core.errors import AppError, Conflict, Invalid
from app.core.paging import PageArgs
from app.models.base import StoredRow
from app.schema.kit.attempts import Attempt
from app.schema.kit.audiences import Audience
from app.schema.kit.connections import Connection
from app.schema.kit.context import Fetch, Info
from app.schema.kit.errors import ERROR_TYPES, refusal
from app.schema.kit.inputs import checked, input_for
from app.schema.kit.nodes import Node

PAGES_COST = 10
"""The price of a page inside a type: each of its parents asks the database by itself."""

Resolver = Callable[..., Any]
Decorator = Callable[[Resolver], Any]


def _described(resolver: Resolver, audience: Audience) -> dict[str, Any]:
    words = getdoc(resolver)
    if not words:
        raise TypeError(f"{resolver.__qualname__} needs a docstring: it is the field's description")
    return {"description": f"{words}\n\n{audience.description}", "metadata": {"audience": audience}}


def _guarded(resolver: Resolver, audience: Audience) -> Resolver:
    @wraps(resolver)
    def guarded(root: object, info: Info, **arguments: Any) -> Any:
        audience.check(info.context.actor)
        return resolver(root, info=info, **arguments)

    return guarded


def _with(resolver: Resolver, *added: Parameter, drop: Sequence[str] = ()) -> Signature:
    own = signature(resolver)
    kept = [parameter for name, parameter in own.parameters.items() if name not in drop]
    return own.replace(parameters=[*kept, *added])


def query(returns: Any, audience: Audience, *, cost: int | None = None) -> Decorator:
    """A root field that reads. The docstring of the resolver describes it."""

    def decorate(resolver: Resolver) -> Any:
        field = _described(resolver, audience)
        if cost is not None:
            field["metadata"]["cost"] = cost
        return strawberry.field(_guarded(resolver, audience), graphql_type=returns, **field)

    return decorate


def subscription(returns: Any, audience: Audience) -> Decorator:
    """A root field that streams: the resolver answers an async iterator."""

    def decorate(resolver: Resolver) -> Any:
        guarded = _guarded(resolver, audience)
        return strawberry.subscription(resolver=guarded, graphql_type=returns, **_described(resolver, audience))

    return decorate


def _paged(resolver: Resolver, model: type[StoredRow]) -> Resolver:
    @wraps(resolver)
    def paged(*root: Any, info: Info, first: int = 20, after: str | None = None, **arguments: Any) -> Any:
        page = PageArgs(first, after, info.context.fields.get(model))
        return resolver(*root, info=info, page=page, **arguments)

    asked = [
        Parameter("first", Parameter.KEYWORD_ONLY, default=20, annotation=int),
        Parameter("after", Parameter.KEYWORD_ONLY, default=None, annotation=str | None),
    ]
    paged.__signature__ = _with(resolver, *asked, drop=["page"])  # type: ignore[attr-defined]
    return paged


def connection(node: type[Node], audience: Audience) -> Decorator:
    """A root field that pages through `node`s: `first` (1 to 100) and `after` become the resolver's `page`."""

    def decorate(resolver: Resolver) -> Any:
        return query(Connection[node], audience)(_paged(resolver, node.model))  # type: ignore[valid-type]

    return decorate


def pages(node: Any, model: type[StoredRow], *, reads: tuple[str, ...] = ("id",)) -> Decorator:
    """A field of a type that pages through `node`s; `reads` names the attributes of its parent that are used."""

    def decorate(resolver: Resolver) -> Any:
        return strawberry.field(
            _paged(resolver, model),
            graphql_type=Connection[node],
            description=getdoc(resolver),
            metadata={"reads": reads, "cost": PAGES_COST},
        )

    return decorate


def edge(model: type[StoredRow], by: str, *, description: str | None = None) -> Any:
    """The row of `model` whose id is in the attribute `by`; all edges of a request share one query."""

    def resolve(row: strawberry.Parent[Any], info: Info) -> Any:
        id = getattr(row, by)
        return None if id is None else info.context.row(model, id)

    return strawberry.field(resolve, description=description, metadata={"reads": (by,), "edge": (model, by)})


def batched(
    fetch: Fetch, by: str = "id", *, model: type[StoredRow] | None = None, description: str | None = None
) -> Any:
    """What `fetch(actor, keys, fields)` answers for the attribute `by`; one call for all rows beside each other."""

    def resolve(row: strawberry.Parent[Any], info: Info) -> Any:
        return info.context.load(fetch, getattr(row, by), model)

    return strawberry.field(resolve, description=description, metadata={"reads": (by,)})


def mutation(returns: Any, audience: Audience, *, fails: tuple[type[AppError], ...] = ()) -> Decorator:
    """A root field that writes.

    What `fails` names, and every Invalid and Conflict, is answered as a member of the result union; all else is an
    error. A parameter `input` that is a command becomes a GraphQL input. Every mutation takes an idempotency key and
    can be rehearsed.
    """
    expected: tuple[type[AppError], ...] = tuple(dict.fromkeys((Invalid, Conflict, *fails)))

    def decorate(resolver: Resolver) -> Any:
        hints = get_type_hints(resolver)
        command = hints.get("input")
        attempt = Attempt(resolver.__name__, hints["return"])

        @wraps(resolver)
        async def attempted(root: Any, info: Info, idempotency_key: str | None = None, **arguments: Any) -> Any:
            audience.check(info.context.actor)
            info.context.share(None)  # what an earlier field of the document has loaded may have changed
            try:
                if command:
                    arguments["input"] = checked(command, arguments["input"])
                return await attempt(info, idempotency_key, lambda: resolver(root, info=info, **arguments), arguments)
            except expected as error:
                return refusal(error)

        verb = capitalize_first(to_camel_case(resolver.__name__))
        words = "Makes a retry safe: the same key and input give the stored answer, other input is refused."
        key = Annotated[str | None, strawberry.argument(description=words)]
        added = [Parameter("idempotency_key", Parameter.KEYWORD_ONLY, default=None, annotation=key)]
        if command:
            annotation = input_for(command, verb + "Input")
            added.insert(0, Parameter("input", Parameter.KEYWORD_ONLY, annotation=annotation))
        attempted.__signature__ = _with(resolver, *added, drop=["input"])  # type: ignore[attr-defined]
        members: Any = (returns, *(ERROR_TYPES[kind] for kind in expected))
        result: Any = Annotated[Union[members], strawberry.union(verb + "Result")]  # noqa: UP007
        return strawberry.mutation(attempted, graphql_type=result, **_described(resolver, audience))

    return decorate


def computed(*reads: str, description: str, returns: Any = None) -> Decorator:
    """A field of a type that its resolver computes from the attributes `reads` of the row.

    `returns` is the GraphQL type where the resolver's own annotation is not one.
    """

    def decorate(resolver: Resolver) -> Any:
        return strawberry.field(resolver, description=description, metadata={"reads": reads}, graphql_type=returns)

    return decorate
