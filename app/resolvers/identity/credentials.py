import strawberry

from app.core.errors import LimitReached, Unavailable
from app.schema.identity.credentials import PasswordSet, ResetSent
from app.schema.kit.audiences import anyone, oneself
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import credentials


@strawberry.type
class Mutation:
    @mutation(ResetSent, anyone(), fails=(LimitReached,))
    async def request_password_reset(self, info: Info, input: credentials.ForgottenPassword) -> credentials.ResetSent:
        """Send a link to choose a new password, good for 30 minutes. The answer is the same without such an account."""
        return await credentials.forget(input, info.context.address)

    @mutation(PasswordSet, anyone(), fails=(Unavailable,))
    async def reset_password(self, info: Info, input: credentials.PasswordReset) -> credentials.PasswordSet:
        """Choose a new password by the token of the link. Every session of the account is over then."""
        return await credentials.reset(input)

    @mutation(PasswordSet, oneself(), fails=(LimitReached, Unavailable))
    async def change_password(self, info: Info, input: credentials.PasswordEdit) -> credentials.PasswordSet:
        """Choose another password. One's other sessions are over then."""
        return await credentials.change(info.context.actor, input, info.context.address)
