import strawberry

from app import models

strawberry.enum(models.CustomerKind, description="Who buys: a person or an organization.")
CustomerKind = models.CustomerKind
