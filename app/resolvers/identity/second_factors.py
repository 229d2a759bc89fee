import strawberry

from app import models
from app.core.errors import Forbidden, LimitReached, NotFound, Unavailable
from app.schema.identity.second_factors import RecoveryCodes, SecondFactorRemoved, TextSent, TotpEnrolment
from app.schema.kit.audiences import anyone, oneself, recent, staff
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import phones, second_factors


@strawberry.type
class Mutation:
    @mutation(TotpEnrolment, oneself(recent(2)))
    async def begin_totp(self, info: Info) -> second_factors.TotpEnrolment:
        """The secret for an authenticator app. It counts once `confirmTotp` has shown that the app makes its codes."""
        return await second_factors.begin_totp(info.context.actor)

    @mutation(RecoveryCodes, oneself(), fails=(LimitReached,))
    async def confirm_totp(self, info: Info, input: second_factors.TotpCode) -> second_factors.RecoveryCodes:
        """Let the app be a second factor from now on."""
        return await second_factors.confirm_totp(info.context.actor, input, info.context.address)

    @mutation(SecondFactorRemoved, oneself(recent(2)), fails=(NotFound,))
    async def remove_totp(self, info: Info) -> second_factors.FactorRemoved:
        """Let the authenticator app be no second factor any more."""
        return await second_factors.remove_totp(info.context.actor)

    @mutation(TextSent, oneself(recent(2)), fails=(LimitReached, Unavailable))
    async def begin_phone(self, info: Info, input: phones.NewPhone) -> phones.TextSent:
        """Send a code to a phone number, which counts once `confirmPhone` has answered it."""
        return await phones.begin(info.context.actor, input)

    @mutation(RecoveryCodes, oneself(), fails=(LimitReached,))
    async def confirm_phone(self, info: Info, input: phones.PhoneCode) -> second_factors.RecoveryCodes:
        """Let a phone number be one's own, and a second factor from now on."""
        return await phones.confirm(info.context.actor, input, info.context.address)

    @mutation(SecondFactorRemoved, oneself(recent(2)), fails=(NotFound,))
    async def remove_phone(self, info: Info) -> second_factors.FactorRemoved:
        """Let the phone number be no second factor any more; it is forgotten."""
        return await phones.remove(info.context.actor)

    @mutation(TextSent, anyone(), fails=(LimitReached, Unavailable))
    async def send_text(self, info: Info, input: phones.TextOf) -> phones.TextSent:
        """Send the code that answers a challenge of `signIn` or `beginStepUp`, again if need be."""
        return await phones.text(input)

    @mutation(RecoveryCodes, oneself(recent(2)), fails=(NotFound,))
    async def renew_recovery_codes(self, info: Info) -> second_factors.RecoveryCodes:
        """New recovery codes, in the place of those that were left."""
        return await second_factors.renew_recovery_codes(info.context.actor)

    @mutation(SecondFactorRemoved, staff(models.Duty.ACCOUNTS_RECOVER, recent(2)), fails=(NotFound, Forbidden))
    async def reset_second_factors(self, info: Info, input: second_factors.LostFactors) -> second_factors.FactorRemoved:
        """Take all second factors of a person away who has lost them, and end their sessions. They are told why."""
        return await second_factors.reset(info.context.actor, input)
