from app.core import changes
from app.core.actor import Actor
from app.core.clock import new_id, now
from app.models import User, UserDocument
from app.models.identity.events import UserRegistered
from app.services.identity import accounts


async def make_user(name: str = "Ada Lovelace", *, email: str | None = None, password: str | None = None) -> User:
    """Somebody with an address of their own; only with a `password`, whose hash takes its time, can they sign in."""
    id = new_id()
    email = email or f"{id}@example.com"
    if password is None:
        user = UserDocument(id=id, email=email, name=name, created_at=now())
        return await changes.insert(user, UserRegistered(Actor(user_id=id), user=id))
    await accounts.register(Actor(), accounts.Registration(email=email, password=password, name=name))
    found = await User.lookup(Actor.platform(), email=email)
    assert found
    return found
