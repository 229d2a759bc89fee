from datetime import datetime
from enum import StrEnum

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, IndexModel

from app.core.privacy import NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import StoredDocument, TenantRow


class TemplateState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    RETIRED = "retired"


class EmailTemplate(TenantRow):
    """A version of what an organization's e-mails of a kind say in a language; published, it does not change."""

    collection = "email_templates"
    data_subjects = (Subject("created_by_id"),)
    policies = {
        "subject body": keep("it is the organization's, whoever has written it"),
        "created_by_id": PSEUDONYM,
        "key locale number state created_at changed_at": NEUTRAL,
    }

    key: str
    """The kind of e-mail, or the name of a campaign's."""
    locale: str
    number: int
    """Of the version, from 1."""
    subject: str
    body: str
    state: TemplateState = TemplateState.DRAFT
    created_by_id: ObjectId
    created_at: datetime
    changed_at: datetime


class EmailTemplateDocument(StoredDocument, EmailTemplate):
    class Settings:
        name = EmailTemplate.collection
        indexes = [
            IndexModel(
                [
                    ("organization_id", ASCENDING),
                    ("key", ASCENDING),
                    ("locale", ASCENDING),
                    ("number", DESCENDING),
                ],
                unique=True,
            ),
            *(
                IndexModel(
                    [("organization_id", ASCENDING), ("key", ASCENDING), ("locale", ASCENDING)],
                    unique=True,
                    partialFilterExpression={"state": state.value},
                    name=f"one_{state.value}",
                )
                for state in (TemplateState.DRAFT, TemplateState.PUBLISHED)
            ),
            IndexModel([("organization_id", ASCENDING), ("_id", DESCENDING)]),
        ]
