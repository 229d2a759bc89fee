"""ID-7: what makes Firebase's SDK believe unsigned tokens works in development only."""

import pytest

from app.core.settings import settings
from app.integrations import firebase
from app.integrations.oidc import Refused
from tests.firebase import PROJECT, emulated


async def test_in_production_the_emulator_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(firebase.EMULATOR, "127.0.0.1:1")
    values = settings().model_copy(update={"firebase_project_id": PROJECT, "atrium_env": "production"})
    monkeypatch.setattr(firebase, "settings", lambda: values)
    with pytest.raises(Refused):
        await firebase.signed_in(emulated())
