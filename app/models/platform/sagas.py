from app.core import sagas
from app.models.base import PlatformRow

PastStep = sagas.Past


class Saga(PlatformRow, sagas.Saga):
    """A saga, as `core.sagas` keeps it."""

    collection = sagas.Saga.collection
