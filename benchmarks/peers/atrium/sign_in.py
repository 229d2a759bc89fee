"""Migrate a new database, sign somebody in and print the access token: `python -m benchmarks.peers.atrium.sign_in`."""

import asyncio

from app import startup
from app.core.actor import Actor
from app.core.settings import Settings
from app.migrations import runner
from app.models import User
from app.services.identity import accounts, sessions
from app.services.organizations import organizations

EMAIL, PASSWORD = "ada@example.com", "correct horse battery"


async def token(settings: Settings) -> str:
    await startup.migrate(settings, lambda *_: None)
    async with startup.connected(settings):
        await runner.init_documents()
        await accounts.register(Actor(), accounts.Registration(email=EMAIL, password=PASSWORD, name="Ada"))
        user = await User.lookup(Actor.platform(), email=EMAIL)
        assert user
        await organizations.create(Actor(user_id=user.id), organizations.NewOrganization(name="Peers", slug="peers"))
        device = sessions.Device("benchmarks", "127.0.0.1")
        return (await sessions.sign_in(sessions.SignIn(email=EMAIL, password=PASSWORD), device)).access_token


if __name__ == "__main__":
    print(asyncio.run(token(Settings())))
