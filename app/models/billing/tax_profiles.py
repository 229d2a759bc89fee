"""Where buyers and sellers are, and by which numbers tax offices know them."""

from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import ERASE, NEUTRAL, PSEUDONYM, Subject, keep
from app.models.base import PersonalRow, StoredDocument, TenantRow


class TaxDetails:
    """What a tax profile says, of a person or of an organization.

    `country` is of ISO 3166-1, `region` a part of it where taxes differ by that (the state code of India's GST, such as
    29); `tax_id` as its country writes it, without blanks; whoever has one buys and sells as a business.
    """

    country: str
    region: str | None = None
    tax_id: str | None = None
    legal_name: str
    street: str = ""
    city: str = ""
    postal_code: str = ""
    changed_at: datetime


_FIELDS = "country region tax_id legal_name street city postal_code"


class PersonTaxProfile(PersonalRow, TaxDetails):
    """The tax profile of a person."""

    collection = "person_tax_profiles"
    data_subjects = (Subject("user_id", whole=True),)
    policies = {_FIELDS: ERASE, "user_id": PSEUDONYM, "changed_at": NEUTRAL}

    user_id: ObjectId


class PersonTaxProfileDocument(StoredDocument, PersonTaxProfile):
    class Settings:
        name = PersonTaxProfile.collection
        indexes = [IndexModel([("user_id", ASCENDING)], unique=True)]


class OrganizationTaxProfile(TenantRow, TaxDetails):
    """The tax profile of an organization, as which it buys and sells."""

    collection = "organization_tax_profiles"
    policies = {_FIELDS: keep("it is the organization's, and stands on its invoices"), "changed_at": NEUTRAL}
    audited = frozenset({"country", "tax_id", "legal_name"})


class OrganizationTaxProfileDocument(StoredDocument, OrganizationTaxProfile):
    class Settings:
        name = OrganizationTaxProfile.collection
        indexes = [IndexModel([("organization_id", ASCENDING)], unique=True)]
