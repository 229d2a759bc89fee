import strawberry

from app.models import Purse

__all__ = ["Purse"]

strawberry.enum(Purse, description="From which of their accounts somebody is paid.")
