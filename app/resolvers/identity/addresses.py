import strawberry

from app.core.errors import LimitReached
from app.schema.identity.addresses import EmailConfirmed, EmailVerified, VerificationSent
from app.schema.kit.audiences import anyone, oneself, recent
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import addresses


@strawberry.type
class Mutation:
    @mutation(VerificationSent, oneself(), fails=(LimitReached,))
    async def resend_email_verification(self, info: Info) -> addresses.VerificationSent:
        """Send the link that verifies one's address again."""
        return await addresses.resend(info.context.actor)

    @mutation(EmailVerified, anyone())
    async def verify_email(self, info: Info, input: addresses.EmailLink) -> addresses.EmailProved:
        """Prove that an address is one's own, by the token of the link that was sent there."""
        return await addresses.verify(input)

    @mutation(VerificationSent, oneself(recent(2)), fails=(LimitReached,))
    async def change_email(self, info: Info, input: addresses.NewEmail) -> addresses.VerificationSent:
        """Ask for another address: links go to both, and it changes when both have confirmed."""
        return await addresses.change(info.context.actor, input)

    @mutation(EmailConfirmed, anyone())
    async def confirm_email_change(self, info: Info, input: addresses.EmailLink) -> addresses.EmailConfirmed:
        """Confirm a change of address, by the token of the link that was sent to the new address or the one before."""
        return await addresses.confirm(input)
