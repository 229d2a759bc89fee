"""Who sells, as they are seen beside what was sold."""

from typing import Any

from app import models
from app.schema.kit.fields import batched
from app.services.platform import organizations


def organization_by(by: str, description: str) -> Any:
    """The organization whose id is in the attribute `by`, for its own people and for staff."""
    return batched(organizations.by_ids, by=by, model=models.Organization, description=description)
