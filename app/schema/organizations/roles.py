import strawberry

from app.models import Role

strawberry.enum(Role, description="A built-in role; each may do what the ones after it may.")

__all__ = ["Role"]
