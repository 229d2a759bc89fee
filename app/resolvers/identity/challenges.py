import strawberry

from app.core.errors import LimitReached, Unavailable
from app.models import Purpose
from app.schema.identity.challenges import ProofChallenge
from app.schema.identity.sessions import SignedIn
from app.schema.kit.audiences import anyone, oneself
from app.schema.kit.context import Info
from app.schema.kit.fields import mutation
from app.services.identity import challenges, sessions


@strawberry.type
class Mutation:
    @mutation(SignedIn, anyone(), fails=(LimitReached, Unavailable))
    async def complete_sign_in(self, info: Info, input: challenges.Answer) -> sessions.SignedIn:
        """Open a session with a second factor, after a `signIn` that asked for one."""
        device = sessions.Device(info.context.agent, info.context.address)
        user, proof = await challenges.answered(Purpose.SECOND_FACTOR, input, device.address)
        return await sessions.begin(user, device, proof)

    @mutation(ProofChallenge, oneself())
    async def begin_step_up(self, info: Info) -> challenges.Challenge:
        """Ask to prove again who one is, for what is sensitive."""
        return await challenges.step_up(info.context.actor)

    @mutation(SignedIn, oneself(), fails=(LimitReached, Unavailable))
    async def step_up(self, info: Info, input: challenges.Answer) -> sessions.SignedIn:
        """Prove again who one is: the access token in the answer may do what is sensitive, for a while."""
        actor = info.context.actor
        _, proof = await challenges.answered(Purpose.STEP_UP, input, info.context.address, actor.user_id)
        return await sessions.raise_proof(actor, proof)
