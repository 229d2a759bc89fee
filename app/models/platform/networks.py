from app.core.privacy import NEUTRAL
from app.models.base import PlatformRow, StoredDocument


class PlatformNetworks(PlatformRow):
    """From where the platform is reached: one row."""

    collection = "platform_networks"
    policies = {"allowed denied": NEUTRAL}

    allowed: list[str] = []
    denied: list[str] = []


class PlatformNetworksDocument(StoredDocument, PlatformNetworks):
    class Settings:
        name = PlatformNetworks.collection
