"""The decorators of the API.

Each wraps a plain function and returns a field: there is nothing to unwrap at run time.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import wraps
from inspect import Parameter, Signature, getdoc, signature
from typing import Annotated, Any, Union, get_type_hints

import strawberry
from strawberry.utils.str_converters import capitalize_first, to_camel_case

from app.core.answers import Hint
from app.core.errors import AppError, Conflict, Invalid
from app.core.ledger.turns import turn
from app.core.paging import PageArgs
from app.models.base import StoredRow
from app.schema.kit.actions import Action
from app.schema.kit.attempts import Attempt
from app.schema.kit.audiences import Audience
from app.schema.kit.batches import FetchedBatch, RowsBatch
from app.schema.kit.connections import Connection
from app.schema.kit.context import Fetch, Info
from app.schema.kit.errors import ERROR_TYPES, refusal
from app.schema.kit.inputs import checked, input_for
from app.schema.kit.nodes import Node

PAGES_COST = 10
"""The price of a page inside a type: each of its parents asks the database by itself."""

Resolver = Callable[..., Any]
Decorator = Callable[[Resolver], Any]


def _described(resolver: Resolver, audience: Audience, cache: Hint | None = None) -> dict[str, Any]:
    words = getdoc(resolver)
    if not words:
        raise TypeError(f"{resolver.__qualname__} needs a docstring: it is the field's description")
    return {"description": f"{words}\n\n{audience.description}", "metadata": {"audience": audience, **_kept(cache)}}


def _kept(cache: Hint | None) -> dict[str, Any]:
    return {} if cache is None else {"cache": cache}


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


def query(
    returns: Any,
    audience: Audience,
    *,
    cost: int | None = None,
    cache: Hint | None = None,
    discloses: str | None = None,
) -> Decorator:
    """A root field that reads. The docstring of the resolver describes it; `cache` lets its answers be kept.

    What `discloses` names is sensitive: the audit trail is told of everybody who reads it.
    """

    def decorate(resolver: Resolver) -> Any:
        field = _described(resolver, audience, cache)
        if discloses:
            field["metadata"]["discloses"] = discloses
            resolver = _disclosing_all(resolver, discloses)
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


def connection(
    node: type[Node], audience: Audience, *, cache: Hint | None = None, discloses: str | None = None
) -> Decorator:
    """A root field that pages through `node`s: `first` (1 to 100) and `after` become the resolver's `page`."""

    def decorate(resolver: Resolver) -> Any:
        made = query(Connection[node], audience, cache=cache, discloses=discloses)  # type: ignore[valid-type]
        return made(_paged(resolver, node.model))

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
    """The row of `model` whose id is in the attribute `by`; all edges of a level to it share one query."""

    def resolve(row: strawberry.Parent[Any], info: Info) -> Any:
        id = getattr(row, by)
        return None if id is None else info.context.row(model, id)

    metadata = {"reads": (by,), "batch": RowsBatch(model, by), "personal": model.personal}
    return strawberry.field(resolve, description=description, metadata=metadata)


def batched(
    fetch: Fetch, by: str = "id", *, model: type[StoredRow] | None = None, description: str | None = None
) -> Any:
    """What `fetch(actor, keys, fields)` answers for the attribute `by`; one call for all rows beside each other."""

    def resolve(row: strawberry.Parent[Any], info: Info) -> Any:
        key = getattr(row, by)
        return None if key is None else info.context.load(fetch, key, model)

    metadata = {"reads": (by,), "batch": FetchedBatch(fetch, by, model)}
    return strawberry.field(resolve, description=description, metadata=metadata)


def derived(fetch: Fetch, by: str = "id", *, description: str) -> Decorator:
    """A field made from what `fetch(actor, keys, fields)` answers for the attribute `by`, asked for as by `batched`.

    The function gets that (None if there is nothing) and the field's arguments.
    """

    def decorate(then: Resolver) -> Any:
        @wraps(then)
        async def resolve(row: Any, info: Info, **arguments: Any) -> Any:
            return then(await info.context.load(fetch, getattr(row, by)), **arguments)

        own = signature(then)
        asked = list(own.parameters.values())[1:]
        row = Parameter("row", Parameter.POSITIONAL_OR_KEYWORD, annotation=strawberry.Parent[Any])  # type: ignore[misc]
        info = Parameter("info", Parameter.POSITIONAL_OR_KEYWORD, annotation=Info)
        resolve.__signature__ = own.replace(parameters=[row, info, *asked])  # type: ignore[attr-defined]
        metadata = {"reads": (by,), "batch": FetchedBatch(fetch, by, then=then)}
        return strawberry.field(resolve, description=description, metadata=metadata)

    return decorate


def mutation(
    returns: Any, audience: Audience, *, fails: tuple[type[AppError], ...] = (), in_turn: bool = False
) -> Decorator:
    """A root field that writes.

    What `fails` names, and every Invalid and Conflict, is answered as a member of the result union; all else is an
    error. A parameter `input` that is a command becomes a GraphQL input. Every mutation takes an idempotency key and
    can be rehearsed. What moves money is done `in_turn` in the book of the actor's organization.
    """
    expected: tuple[type[AppError], ...] = tuple(dict.fromkeys((Invalid, Conflict, *fails)))

    def decorate(resolver: Resolver) -> Any:
        hints = get_type_hints(resolver)
        command = hints.get("input")
        attempt = Attempt(resolver.__name__, hints["return"])

        @wraps(resolver)
        async def attempted(root: Any, info: Info, idempotency_key: str | None = None, **arguments: Any) -> Any:
            audience.check_writer(info.context.actor)
            info.context.share(None)  # what an earlier field of the document has loaded may have changed
            try:
                if command:
                    arguments["input"] = checked(command, arguments["input"])
                # Before the scope that an idempotency key opens: within it nobody can wait.
                async with turn(info.context.actor.organization_id) if in_turn else nullcontext():
                    return await attempt(
                        info, idempotency_key, lambda: resolver(root, info=info, **arguments), arguments
                    )
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
        field = _described(resolver, audience)
        field["metadata"]["action"] = Action(to_camel_case(resolver.__name__), audience, resolver, command)
        return strawberry.mutation(attempted, graphql_type=result, **field)

    return decorate


def computed(
    *reads: str,
    description: str,
    returns: Any = None,
    cache: Hint | None = None,
    personal: bool = True,
    discloses: str | None = None,
) -> Decorator:
    """A field of a type that its resolver computes from the attributes `reads` of the row.

    `returns` is the GraphQL type where the resolver's own annotation is not one. One that takes `info` keeps answers
    from being kept, unless `cache` says for whom they can be. What is not `personal` is the same for everybody in an
    organization: subscribers who select nothing else share each result. What `discloses` names is sensitive: the audit
    trail is told of everybody who is shown the value for a row that is not themselves, and whose row that was.
    """

    def decorate(resolver: Resolver) -> Any:
        metadata = {"reads": reads, "personal": personal, **_kept(cache)}
        if discloses:
            metadata["discloses"] = discloses
            resolver = _disclosing(resolver, discloses)
        return strawberry.field(resolver, description=description, metadata=metadata, graphql_type=returns)

    return decorate


def _disclosing(resolver: Resolver, what: str) -> Resolver:
    @wraps(resolver)
    def disclosing(row: Any, info: Info) -> Any:
        value = resolver(row, info)
        if value is not None:
            info.context.disclose(what, row.id)
        return value

    return disclosing


def _disclosing_all(resolver: Resolver, what: str) -> Resolver:
    @wraps(resolver)
    def disclosing(*root: Any, info: Info, **arguments: Any) -> Any:
        info.context.disclose(what)
        return resolver(*root, info=info, **arguments)

    return disclosing
