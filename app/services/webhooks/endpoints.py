"""Endpoints of webhooks: who is told of what, in which shape, and with which secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from bson import ObjectId
from pydantic import AfterValidator, Field

from app.core import changes
from app.core.actor import Actor
from app.core.changes import Event, log
from app.core.clock import new_id, now
from app.core.commands import Command, Ref
from app.core.destinations import MAX_URL, UrlRefused
from app.core.errors import Conflict, Forbidden, Invalid, LimitReached
from app.core.filters import Tree
from app.core.machines import Machine, Transition, needs, only_platform
from app.core.paging import Page, PageArgs
from app.core.rows import Value
from app.core.words import words
from app.integrations.egress import egress
from app.models import (
    WEBHOOK_PERMISSIONS,
    Permission,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEndpointDocument,
    WebhookState,
    WebhookType,
)
from app.models.webhooks.events import (
    WebhookEndpointChanged,
    WebhookEndpointMade,
    WebhookEndpointRemoved,
    WebhookSecretRotated,
    WebhookWoken,
)
from app.services.webhooks import public, signing, waking
from app.services.webhooks.documents import DocumentRefused, documents

ACTIVE, PAUSED, DISABLED = WebhookState.ACTIVE, WebhookState.PAUSED, WebhookState.DISABLED
MOST = 50
"""Endpoints that an organization may have."""
MAX_DOCUMENT = 10_000
"""Characters."""
ROWS = 1_000
"""Deliveries deleted in one command."""


class PermissionAbove(Forbidden):
    """An endpoint that would be told what the one who makes it may not see."""

    code = "PERMISSION_ABOVE"


class PermissionMissing(Invalid):
    """To be told of this, an endpoint needs a permission that it does not have."""

    code = "PERMISSION_MISSING"


class TooManyEndpoints(LimitReached):
    code = "TOO_MANY_WEBHOOK_ENDPOINTS"


def _permission(name: str) -> str:
    if name not in WEBHOOK_PERMISSIONS:
        raise ValueError(words("“{permission}” is no permission that a webhook can have.", permission=name))
    return name


Types = Annotated[
    list[WebhookType], Field(min_length=1, max_length=len(WebhookType), description="Of what it is told.")
]
Permissions = Annotated[
    list[Annotated[str, AfterValidator(_permission)]],
    Field(max_length=len(WEBHOOK_PERMISSIONS), description="With which its document is executed; none one has not."),
]
Address = Annotated[str, Field(max_length=MAX_URL, description="https://, at a public address.")]
Document = Annotated[
    str | None,
    Field(
        max_length=MAX_DOCUMENT,
        description=(
            "A GraphQL query, of which `webhookEvent` is the event; what it answers is sent as `data`. A short one of "
            "Atrium's without it."
        ),
    ),
]
Ordered = Annotated[
    bool,
    Field(description="Whether what concerns one thing waits until what came before about it has arrived."),
]
EndpointId = Annotated[ObjectId, Ref("WebhookEndpoint")]


class NewWebhookEndpoint(Command):
    """A server to tell of what happens in the organization."""

    url: Address
    description: Annotated[str, Field(max_length=200)] = ""
    types: Types
    permissions: Permissions
    document: Document = None
    ordered: Ordered = False


class WebhookEndpointEdit(Command):
    """What to change of an endpoint; what is left out stays, and null takes a document away."""

    endpoint_id: EndpointId
    url: Address | None = None
    description: Annotated[str | None, Field(max_length=200)] = None
    types: Types | None = None
    permissions: Permissions | None = None
    document: Document = None
    ordered: Ordered | None = None


class WebhookSecretRotation(Command):
    """An endpoint that gets another secret."""

    endpoint_id: EndpointId
    overlap_hours: Annotated[
        int, Field(ge=0, le=168, description="For how long the secret that it has signs as well; 0: it ends at once.")
    ] = 24


class WebhookEndpointAction(Command):
    """An endpoint of the organization."""

    endpoint_id: EndpointId


class WebhookResumption(WebhookEndpointAction):
    """An endpoint to send to again."""

    skip: Annotated[
        bool, Field(description="Whether to leave out what has happened meanwhile, instead of catching up with it.")
    ] = False


@dataclass(slots=True)
class MadeWebhookEndpoint(Value):
    """An endpoint with its newest secret, which cannot be had again."""

    endpoint: WebhookEndpoint
    secret: str


_managing = needs(Permission.WEBHOOKS_MANAGE)
ENDPOINT = Machine(
    Transition("pause", frozenset({ACTIVE}), PAUSED, _managing),
    Transition("resume", frozenset({PAUSED, DISABLED}), ACTIVE, _managing),
    Transition("disable", frozenset({ACTIVE}), DISABLED, only_platform),
)
_WELL = {"fault": None, "failures": 0, "failing_since": None, "warned_at": None, "rests_until": None}


async def newest(actor: Actor, page: PageArgs) -> Page[WebhookEndpoint]:
    return await WebhookEndpoint.page(actor, page)


async def find(actor: Actor, id: ObjectId) -> WebhookEndpoint | None:
    return await WebhookEndpoint.lookup(actor, _id=id)


async def make(actor: Actor, new: NewWebhookEndpoint, filter: Tree | None) -> MadeWebhookEndpoint:
    """Tell a server of what happens from now on.

    Raises UrlRefused, DocumentRefused, PermissionAbove, PermissionMissing, Invalid, and TooManyEndpoints.
    """
    assert actor.organization_id
    assert actor.user_id
    secret, moment = signing.new(), now()
    endpoint = WebhookEndpointDocument(
        id=new_id(),
        organization_id=actor.organization_id,
        url=new.url,
        description=new.description,
        types=list(dict.fromkeys(new.types)),
        document=new.document,
        filter=_plain(filter),
        permissions=sorted(set(new.permissions)),
        ordered=new.ordered,
        secret=await signing.sealed(actor.organization_id, secret),
        position=await changes.apart(log.head),
        made_by_id=actor.user_id,
        created_at=moment,
        changed_at=moment,
    )
    check_reach(actor, endpoint)
    await _check(endpoint)
    return MadeWebhookEndpoint(await _store(actor, endpoint), secret)


@changes.atomic
async def _store(actor: Actor, endpoint: WebhookEndpointDocument) -> WebhookEndpoint:
    if await WebhookEndpoint.tally(actor, cap=MOST) == MOST:
        raise TooManyEndpoints("An organization has at most {limit} endpoints of webhooks.", limit=MOST)
    return await changes.insert(endpoint, WebhookEndpointMade(actor, endpoint=endpoint.id))


async def edit(actor: Actor, given: WebhookEndpointEdit, filter: Tree | None, *, filtered: bool) -> WebhookEndpoint:
    """Change an endpoint; its filter only if it is `filtered` anew. Raises NotFound, and what `make` raises."""
    sent = {name: getattr(given, name) for name in given.model_fields_set - {"endpoint_id"}}
    set = {name: value for name, value in sent.items() if value is not None or name == "document"}
    if "types" in set:
        set["types"] = [type.value for type in dict.fromkeys(set["types"])]
    if "permissions" in set:
        set["permissions"] = sorted({*set["permissions"]})
    if filtered:
        set["filter"] = _plain(filter)
    endpoint = await WebhookEndpoint.require(actor, given.endpoint_id)
    wanted = WebhookEndpoint.decode({**endpoint.encode(), **set})
    check_reach(actor, wanted)
    await _check(wanted)
    return await _change(actor, given.endpoint_id, None, set)


async def rotate(actor: Actor, given: WebhookSecretRotation) -> MadeWebhookEndpoint:
    """Give an endpoint another secret; the present one signs as well for a while. Raises NotFound or Forbidden."""
    endpoint = await WebhookEndpoint.require(actor, given.endpoint_id)
    check_reach(actor, endpoint)
    secret, until = signing.new(), now() + timedelta(hours=given.overlap_hours)
    sealed = await signing.sealed(endpoint.organization_id, secret)
    same = WebhookEndpoint.within(actor, _id=endpoint.id, secret=endpoint.secret)
    turned = {"secret": sealed, "old_secret": endpoint.secret, "overlap_until": until, "changed_at": now()}
    told = WebhookSecretRotated(actor, endpoint=endpoint.id, until=until)
    changed = await changes.change(WebhookEndpoint, same, {"$set": turned}, told)
    if changed is None:
        raise Conflict("Somebody else changed it first: look again.")
    return MadeWebhookEndpoint(changed, secret)


async def pause(actor: Actor, given: WebhookEndpointAction) -> WebhookEndpoint:
    """Send nothing to an endpoint for now. Raises NotFound, Forbidden or IllegalTransition."""
    return await _change(actor, given.endpoint_id, "pause", {})


async def resume(actor: Actor, given: WebhookResumption) -> WebhookEndpoint:
    """Send to an endpoint again, from where it stood in the log. Raises NotFound, Forbidden or IllegalTransition."""
    skipped = {"position": await changes.apart(log.head)} if given.skip else {}
    return await _change(actor, given.endpoint_id, "resume", {**_WELL, **skipped})


@changes.atomic
async def remove(actor: Actor, given: WebhookEndpointAction) -> WebhookEndpoint:
    """Let an endpoint and what it was sent be forgotten. Raises NotFound."""
    await WebhookEndpoint.require(actor, given.endpoint_id)
    told = WebhookEndpointRemoved(actor, endpoint=given.endpoint_id)
    removed = await changes.remove(WebhookEndpoint, WebhookEndpoint.within(actor, _id=given.endpoint_id), told)
    assert removed, "the scope read it in the same snapshot"
    return removed


async def forget_deliveries(event: WebhookEndpointRemoved) -> None:
    """Delete what is kept of the deliveries of an endpoint that is no more."""
    inside = Actor.platform(event.actor.organization_id)
    where = WebhookDelivery.within(inside, endpoint_id=event.endpoint)
    while await changes.erase(WebhookDelivery, where, limit=ROWS):
        pass


async def _change(actor: Actor, id: ObjectId, transition: str | None, set: Mapping[str, Any]) -> WebhookEndpoint:
    """Set columns, and take a transition of ENDPOINT if one is named, whatever a run of the endpoint does meanwhile."""
    while True:
        row = await WebhookEndpoint.require(actor, id)
        state = ENDPOINT.check(actor, row, transition).target if transition else row.state
        woken = transition == "resume"
        begun = {"awake": True, "run": row.run + 1} if woken else {}
        told: list[Event] = [WebhookEndpointChanged(actor, endpoint=id, state=state.value)]
        told += [WebhookWoken(Actor.platform(row.organization_id), endpoint=id, run=row.run + 1)] * woken
        modifiers: dict[str, Any] = {"$set": {**set, **begun, "state": state.value, "changed_at": now()}}
        if "position" not in set and not row.awake:  # what it has heard of, it has heard of by its old filter
            modifiers["$max"] = {"position": await waking.heard_until(row)}
        same = WebhookEndpoint.within(actor, _id=id, run=row.run, awake=row.awake, state=row.state.value)
        changed = await changes.change(WebhookEndpoint, same, modifiers, *told)
        if changed is not None:
            return changed


def check_reach(actor: Actor, endpoint: WebhookEndpoint) -> None:
    """Nobody lets others hear what they may not see; and an endpoint is told of what it may see itself."""
    if above := ", ".join(one for one in endpoint.permissions if not actor.can(one)):
        raise PermissionAbove(
            "You do not have these yourself: {permissions}.", path=["input", "permissions"], permissions=above
        )
    for type in endpoint.types:
        needed = public.TYPES[type].permission
        if needed and needed not in endpoint.permissions:
            raise PermissionMissing(
                "To be told of {type} takes the permission {permission}.",
                path=["input", "permissions"],
                type=type.value,
                permission=needed.value,
            )


async def _check(endpoint: WebhookEndpoint) -> None:
    if endpoint.filter:
        public.FILTERABLE.check(endpoint.filter)
    if endpoint.document is not None:
        check_document(endpoint.document)
    try:
        await egress().check(endpoint.url)
    except UrlRefused as error:
        raise UrlRefused(error.message, path=["input", "url"]) from None


def check_document(text: str) -> None:
    """Raises DocumentRefused."""
    if len(text) > MAX_DOCUMENT:
        raise DocumentRefused("A document has at most {limit} characters.", limit=MAX_DOCUMENT)
    documents().check(text)


def filter_as_json(filter: Mapping[str, Any]) -> Any:
    """A stored filter as it is shown: ids of people as clients hold them."""
    if isinstance(filter, Mapping):
        return {name: filter_as_json(part) for name, part in filter.items()}
    if isinstance(filter, list):
        return [filter_as_json(part) for part in filter]
    return f"User_{filter}" if isinstance(filter, ObjectId) else filter


def _plain(filter: Tree | None) -> dict[str, Any] | None:
    return dict(filter) if filter else None
