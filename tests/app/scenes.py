"""An organization in which everything is there that a call can name, and one call of every root field about it."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from app.core.clock import now
from app.core.sagas import SagaState
from app.models import Purpose
from tests import documents
from tests.app import (
    accounts,
    attention,
    billing,
    metering,
    money,
    operations,
    pay,
    payments,
    props,
    talks,
    ways,
    webhooks,
)
from tests.world import Person, invitation_token, organization, until

Arguments = dict[str, Any]
ID = re.compile("[A-Z][A-Za-z]+_[0-9a-f]{24}")


@dataclass(frozen=True)
class Scene(payments.Bills, pay.Paid):
    """Ids as clients hold them. The owner has written `message` in `group`, where the two owners are."""

    owner: Person
    text: str
    """What every message says, and every title."""
    organization: str
    slug: str
    membership: str
    second_owner: str
    guest: str
    suspended: str
    group: str
    message: str
    invitation: str
    key: str
    tie: str
    """The second owner follows the owner."""
    role: str
    """Nobody has it."""
    other_role: str
    affiliation: str
    """Of the guest, with the organization; asked for."""
    offer: str
    """Of the ownership, to the guest."""
    notification: str
    """Of the owner: the second owner has answered them."""
    event: str
    """Of the calendar; there is room for one more."""
    attendee: str
    meter: str
    usage_event: str
    """Of the guest, as a customer."""
    entitlement: str
    exemption: str
    """Of the guest, from tax."""
    platform_exemption: str
    address: str
    """Of Tess, who works nowhere: nothing is ever sent there."""
    email: str
    nemo: Person
    """Somebody whose account nobody needs: wrong guesses at it keep nobody out."""
    tess: Person
    """Somebody with a second factor."""
    secret: str
    """Of an authenticator app that Nemo has yet to confirm."""
    links: Mapping[Purpose, str]
    """Tokens of Nemo's, and of challenges of Tess."""
    refresh_token: str
    session: str
    """Another of the owner."""
    passkey: str
    new_passkey: Arguments
    """What a device has made for the owner; kept good for a day."""
    passkey_sign_in: Arguments
    """What the owner's device has signed; kept good for a day."""
    identity: str
    oauth_return: Arguments
    """Somebody has signed in elsewhere; good for a day, until it is used there."""
    oauth_link: Arguments
    """The owner has, to link it."""
    token: str
    """An invitation of the owner to another organization."""
    job: str
    """Dead, and for the organization."""
    waiting_job: str
    saga: str
    """Stuck, and for the organization."""
    waiting_saga: str
    impersonation: str
    """Somebody on the staff acts as the guest in it."""
    export: str
    """Of the owner, ready and empty."""
    audit_entry: str
    """Of the organization."""
    file: str
    """Of the owner, clean and not sent yet."""
    consent: str
    """Of the owner, to the text about cookies."""
    template: str
    """A draft, of which a version was published."""
    campaign: str
    """A draft, by that template."""
    waiting_campaign: str
    delivery: str
    """Given up."""
    suppression: str
    """Of `email`."""
    endpoint: str
    """Of webhooks; paused."""
    ledger_account: str
    """Of the owner, in the organization's book."""
    ledger_transfer: str
    """It has filled it."""
    webhook_delivery: str
    """To it, given up."""
    billing: billing.Billing
    texts: Mapping[str, str]
    """The newest legal texts by their kinds, the same for everybody; the owner has yet to accept the terms."""

    @property
    def ids(self) -> dict[str, str]:
        """By what they are of in the scene."""
        found = {**vars(self), **{f"billing.{name}": value for name, value in vars(self.billing).items()}}
        return {name: value for name, value in found.items() if isinstance(value, str) and ID.fullmatch(value)}

    def caller(self, name: str) -> Person:
        """Who can ask a root field: the owner, somebody on the staff, or who has yet to prove their address."""
        staff = self.owner.world.staff
        assert staff
        if name in ("changePassword", "resendEmailVerification", "confirmTotp", "requestErasure", "cancelErasure"):
            return self.nemo
        if name in attention.ADDRESSES:
            return self.tess
        if name in ("stepUp", "removeTotp", "renewRecoveryCodes", "beginPhone", "confirmPhone", "removePhone"):
            return self.tess
        return staff if name == "endImpersonation" or documents.audience(name) == "staff" else self.owner


async def scene(people: list[Person], text: str = "Hello") -> Scene:
    """Of an owner, a second owner, a guest and somebody suspended; `text` is in everything that can be read."""
    owner, second, guest, suspended = people = [replace(person) for person in people]
    await organization(second, name=text)
    invited = await second.call("inviteMember", input={"email": owner.email})
    id = await organization(*people, name=text)
    await owner.call("changeMemberRole", input={"userId": second.id, "role": "OWNER"})
    await owner.call("changeMemberRole", input={"userId": guest.id, "role": "GUEST"})
    await owner.call("suspendMember", input={"userId": suspended.id})
    group = await owner.start(second, title=text)
    attachment = {"url": "https://example.com/a", "name": text, "mediaType": "text/plain", "size": 1}
    message = await owner.send(group, text, attachments=[attachment], mentionIds=[second.id])
    await owner.send(group, text, replyToId=message["id"])
    await second.send(group, text, replyToId=message["id"])
    await owner.call("addReaction", input={"messageId": message["id"], "emoji": talks.REACTION})
    await owner.call("blockUser", input={"userId": suspended.id})
    await second.call("followUser", input={"userId": owner.id})
    email = f"{secrets.token_hex(4)}@example.com"
    invitation = await owner.call("inviteMember", input={"email": email})
    key = await owner.call("createApiKey", input={"name": text, "scopes": ["members.read"]})
    session, phone = await owner.again(), await owner.again()
    await owner.prove()
    passkey, new_passkey, passkey_sign_in = await props.passkeys(owner)
    nemo, tess = await owner.world.person("Nemo"), await owner.world.person("Tess")
    await tess.enrol()
    await tess.sign_in()
    asked = {p: await props.stored_ticket(tess, p, {}) for p in (Purpose.SECOND_FACTOR, Purpose.STEP_UP)}
    asked[Purpose.PHONE] = await props.phone(tess)
    notification = await until(lambda: props.told(owner, "REPLY"))
    texts = {kind: await props.legal_text(owner, kind) for kind in ("TERMS", "COOKIES")}
    event = await second.call("scheduleCalendarEvent", input=attention.EVENT | {"title": text, "description": text})
    slug = (await owner.call("organization"))["slug"]
    endpoint = await props.endpoint(owner, text)
    await owner.call("askForAffiliation", input={"slug": slug, "pitch": text})
    account, transfer = await money.stored_book(owner)
    metered = await metering.metered(owner, guest.id, text)
    return Scene(
        **await payments.stored(owner, text),
        owner=owner,
        billing=await billing.stored(owner, text, second.id),
        text=text,
        organization=id,
        slug=slug,
        membership=(await second.call("myMembership"))["id"],
        second_owner=second.id,
        guest=guest.id,
        suspended=suspended.id,
        group=group,
        message=message["id"],
        invitation=invitation["id"],
        key=key["key"]["id"],
        tie=(await owner.call("followers", userId=owner.id))["nodes"][0]["id"],
        role=(await owner.call("createRole", input={"name": text, "permissions": ["MEMBERS_READ"]}))["id"],
        other_role=(await owner.call("createRole", input={"name": "Other", "permissions": ["MESSAGES_SEND"]}))["id"],
        offer=(await owner.call("offerOwnership", input={"userId": guest.id}))["id"],
        affiliation=(await guest.call("askForAffiliation", input={"slug": slug, "pitch": text}))["id"],
        notification=notification,
        event=event["id"],
        meter=metered.meter,
        usage_event=metered.usage_event,
        entitlement=metered.entitlement,
        exemption=metered.exemption,
        platform_exemption=metered.platform_exemption,
        address=await props.stored_address(tess),
        attendee=event["attendees"]["nodes"][0]["id"],
        email=email,
        nemo=nemo,
        tess=tess,
        secret=(await nemo.call("beginTotp"))["secret"],
        links={**await props.links(nemo), **asked},
        refresh_token=session.refresh_token,
        session=f"Session_{phone.refresh_token.partition('.')[0]}",
        passkey=passkey,
        new_passkey=new_passkey,
        passkey_sign_in=passkey_sign_in,
        identity=await ways.identity(owner),
        oauth_return=await ways.elsewhere(owner, link=False),
        oauth_link=await ways.elsewhere(owner, link=True),
        token=invitation_token(invited["id"]),
        job=await props.stored_job(owner, "dead", last_error="RuntimeError('on purpose')"),
        waiting_job=await props.stored_job(owner, "waiting", due=now() + timedelta(days=1)),
        impersonation=await props.impersonation(guest, id),
        export=await props.stored_export(owner),
        audit_entry=await until(lambda: props.audited(owner)),
        file=await props.stored_file(owner),
        consent=(await owner.call("acceptLegalText", input={"textId": texts["COOKIES"]}))["id"],
        texts=texts,
        template=await props.template(owner),
        campaign=(await owner.call("createCampaign", input={"name": text, "templateKey": "news"}))["id"],
        waiting_campaign=await props.waiting_campaign(owner),
        delivery=await props.stored_delivery(owner),
        suppression=(await owner.call("suppressAddress", input={"email": email}))["id"],
        endpoint=endpoint,
        **await pay.furnish(owner, second, guest, text),
        ledger_account=account,
        ledger_transfer=transfer,
        webhook_delivery=await props.stored_webhook_delivery(owner, endpoint),
        saga=await props.stored_saga(owner, SagaState.STUCK, error="RuntimeError('on purpose')"),
        waiting_saga=await props.stored_saga(owner, SagaState.RUNNING, due=now() + timedelta(days=1)),
    )


_nothing, _page, _input = accounts.nothing, accounts.page, accounts.given

CALLS: Mapping[str, Callable[[Scene], Arguments]] = {
    "node": lambda s: {"id": s.message},
    "access": lambda s: {"resource": s.organization},
    "me": _nothing,
    "user": lambda s: {"id": s.second_owner},
    "users": _page,
    "organization": _nothing,
    "myOrganizations": _nothing,
    "members": _page,
    "myMembership": _nothing,
    "invitations": _page,
    "refusals": lambda _: {"first": 3},
    "changeOrganizationTier": _input(organizationId=lambda s: s.organization, tier=lambda _: "SCALE"),
    "apiKeys": _page,
    "followers": lambda s: {"first": 3, "userId": s.owner.id},
    "following": lambda s: {"first": 3, "userId": s.second_owner},
    "blocked": _page,
    "files": _page,
    "file": lambda s: {"id": s.file},
    "beginUpload": _input(name=lambda _: "new.txt", size=lambda _: 1),
    "completeUpload": _input(fileId=lambda s: s.file),
    "jobs": lambda s: {"first": 3, "filter": {"organizationId": {"eq": s.organization}, "state": {"in": ["DEAD"]}}},
    "job": lambda s: {"id": s.job},
    **accounts.CALLS,
    **attention.CALLS,
    **billing.CALLS,
    **money.CALLS,
    **pay.CALLS,
    **talks.CALLS,
    **metering.CALLS,
    **payments.CALLS,
    "impersonate": lambda s: {"input": props.acting_as(s.second_owner, s.organization)},
    "endImpersonation": _input(sessionId=lambda s: s.impersonation),
    "switchOrganization": _input(organizationId=lambda s: s.organization),
    "updateProfile": _input(
        name=lambda s: s.owner.name,
        handle=lambda _: f"h{secrets.token_hex(6)}",
        bio=lambda _: "New",
        locale=lambda _: "pt-BR",
        timeZone=lambda _: "America/Sao_Paulo",
        currency=lambda _: "BRL",
        showsPresence=lambda _: True,
    ),
    "createOrganization": _input(name=lambda _: "New", slug=lambda _: f"new-{secrets.token_hex(6)}"),
    "updateOrganization": _input(
        name=lambda _: "New",
        locale=lambda _: "fr",
        currency=lambda _: "CHF",
        timeZone=lambda _: "Europe/Zurich",
        taxRate=lambda _: 810,
        brandColor=lambda _: "#102030",
        brandTextColor=lambda _: "#ffffff",
        senderName=lambda _: "New",
        disabledFeatures=lambda _: ["FOLLOWING"],
    ),
    "followUser": _input(userId=lambda s: s.second_owner),
    "unfollowUser": _input(userId=lambda s: s.second_owner),
    "blockUser": _input(userId=lambda s: s.second_owner),
    "unblockUser": _input(userId=lambda s: s.second_owner),
    "deleteOrganization": _input(slug=lambda s: s.slug, reason=lambda _: "We are done."),
    "cancelOrganizationDeletion": _nothing,
    "createApiKey": _input(
        name=lambda _: "New", scopes=lambda _: ["members.read"], use=lambda _: "BEARER", lifetimeDays=lambda _: 1
    ),
    "rotateApiKey": _input(keyId=lambda s: s.key, overlapHours=lambda _: 1),
    "revokeApiKey": _input(keyId=lambda s: s.key),
    **webhooks.CALLS,
    "changeMemberRole": _input(userId=lambda s: s.second_owner, customRoleId=lambda s: s.role),
    "roles": _page,
    "affiliations": _page,
    "myAffiliations": _page,
    "askForAffiliation": _input(slug=lambda s: s.slug, pitch=lambda _: "New"),
    "approveAffiliation": _input(affiliationId=lambda s: s.affiliation),
    "rejectAffiliation": _input(affiliationId=lambda s: s.affiliation),
    "suspendAffiliation": _input(affiliationId=lambda s: s.affiliation),
    "reinstateAffiliation": _input(affiliationId=lambda s: s.affiliation),
    "endAffiliation": _input(affiliationId=lambda s: s.affiliation),
    "ownershipOffer": _nothing,
    "offerOwnership": _input(userId=lambda s: s.guest),
    "acceptOwnership": _input(offerId=lambda s: s.offer),
    "declineOwnership": _input(offerId=lambda s: s.offer),
    "withdrawOwnershipOffer": _input(offerId=lambda s: s.offer),
    "allOrganizations": _page,
    "setNetworkRules": _input(allowed=lambda _: ["0.0.0.0/0", "::1"], denied=lambda _: ["192.0.2.1"]),
    "platformNetworkRules": _nothing,
    "setPlatformNetworkRules": _input(allowed=lambda _: ["0.0.0.0/0", "::/0"], denied=lambda _: ["192.0.2.0/24"]),
    "setSeatLimit": _input(organizationId=lambda s: s.organization, seats=lambda _: 50),
    "suspendOrganization": _input(organizationId=lambda s: s.organization, reason=lambda _: "A complaint."),
    "reinstateOrganization": _input(organizationId=lambda s: s.organization),
    "createRole": _input(name=lambda _: "New", description=lambda _: "New", permissions=lambda _: ["MEMBERS_READ"]),
    "updateRole": _input(
        roleId=lambda s: s.role,
        name=lambda _: "New",
        description=lambda _: "New",
        permissions=lambda _: ["MEMBERS_READ"],
    ),
    "removeRole": _input(roleId=lambda s: s.role, replacementId=lambda s: s.other_role),
    "suspendMember": _input(userId=lambda s: s.second_owner),
    "reinstateMember": _input(userId=lambda s: s.suspended),
    "removeMember": _input(userId=lambda s: s.second_owner),
    "leaveOrganization": _nothing,
    "inviteMember": _input(email=accounts.new_address, customRoleId=lambda s: s.role),
    "revokeInvitation": _input(invitationId=lambda s: s.invitation),
    "acceptInvitation": _input(token=lambda s: s.token),
    **operations.CALLS,
    "languages": _nothing,
    "dataExports": _page,
    "dataExport": lambda s: {"id": s.export},
    "exportMyData": _nothing,
    "exportAuditEntries": lambda s: {"filter": {"actorId": {"eq": s.second_owner}}},
    "createExportLink": _input(exportId=lambda s: s.export),
    "requestErasure": _input(email=lambda s: s.nemo.email),
    "cancelErasure": _nothing,
    "auditEntries": lambda s: {"first": 3, "filter": {"actorId": {"eq": s.second_owner}}, "about": s.second_owner},
    "platformAuditEntries": lambda s: {"first": 3, "about": s.second_owner},
    "auditProof": lambda s: {"entryId": s.audit_entry},
    "deliveries": lambda _: {"first": 3, "state": "FAILED"},
    "suppressions": lambda s: {"first": 3, "email": s.email},
    "retryDelivery": _input(deliveryId=lambda s: s.delivery),
    "suppressAddress": _input(email=accounts.new_address),
    "liftSuppression": _input(email=lambda s: s.email),
    "emailTemplates": lambda _: {"first": 3, "key": "news"},
    "emailPreview": lambda s: {"id": s.template},
    "builtInEmail": lambda _: {"key": "invitation", "locale": "fr"},
    "saveEmailTemplate": _input(
        key=lambda _: "news", locale=lambda _: "pt-BR", subject=lambda _: "New", body=lambda _: "{{ greeting }}"
    ),
    "publishEmailTemplate": _input(templateId=lambda s: s.template),
    "retireEmailTemplate": _input(templateId=lambda s: s.template),
    "sendTestEmail": _input(templateId=lambda s: s.template),
    "campaigns": _page,
    "createCampaign": lambda s: {
        "input": {"name": "New", "templateKey": "news", "windowOpens": 9, "windowCloses": 17},
        "audience": {"locale": {"eq": "fr"}, "or": [{"name": {"startsWith": s.text}}]},
    },
    "scheduleCampaign": _input(campaignId=lambda s: s.campaign, startsAt=lambda _: props.in_a_month()),
    "pauseCampaign": _input(campaignId=lambda s: s.waiting_campaign),
    "resumeCampaign": _input(campaignId=lambda s: s.waiting_campaign),
    "cancelCampaign": _input(campaignId=lambda s: s.campaign),
    "campaignEvents": lambda s: {"id": s.campaign},
}
"""The arguments with which the caller of a scene can ask each root field; mutations succeed."""
