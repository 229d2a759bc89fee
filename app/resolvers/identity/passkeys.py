import strawberry

from app import models
from app.core.errors import NotFound
from app.resolvers.identity.sessions import device
from app.schema.identity.passkeys import Passkey, PasskeyChallenge
from app.schema.identity.sessions import SignedIn
from app.schema.kit.audiences import anyone, oneself, recent
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import passkeys, sessions


@strawberry.type
class Mutation:
    @mutation(PasskeyChallenge, oneself(recent(2)))
    async def begin_passkey(self, info: Info) -> passkeys.PasskeyChallenge:
        """Ask one's device for a new passkey: give `options` to the browser and its answer to `addPasskey`."""
        return await passkeys.begin(info.context.actor)

    @mutation(Passkey, oneself())
    async def add_passkey(self, info: Info, input: passkeys.NewPasskey) -> models.Passkey:
        """Keep the passkey that one's device has made."""
        return await passkeys.add(info.context.actor, input)

    @mutation(Passkey, oneself(), fails=(NotFound,))
    async def rename_passkey(self, info: Info, input: passkeys.PasskeyEdit) -> models.Passkey:
        """Call one of one's passkeys something else."""
        return await passkeys.rename(info.context.actor, input)

    @mutation(Passkey, oneself(recent(2)), fails=(NotFound,))
    async def remove_passkey(self, info: Info, input: passkeys.PasskeyChoice) -> models.Passkey:
        """Let one of one's passkeys be worth nothing; not the last way to sign in."""
        return await passkeys.remove(info.context.actor, input)

    @mutation(PasskeyChallenge, anyone())
    async def begin_passkey_sign_in(self, info: Info) -> passkeys.PasskeyChallenge:
        """Ask for a passkey: give `options` to the browser and its answer to `signInWithPasskey`."""
        return await passkeys.begin_sign_in()

    @mutation(SignedIn, anyone())
    async def sign_in_with_passkey(self, info: Info, input: passkeys.PasskeySignIn) -> sessions.SignedIn:
        """Open a session with a passkey, which proves who one is as two factors do."""
        return await passkeys.sign_in(input, device(info))
