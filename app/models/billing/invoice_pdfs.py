"""That the PDFs of invoices and credit notes are in the storage."""

from datetime import datetime

from bson import ObjectId
from pymongo import ASCENDING, IndexModel

from app.core.privacy import NEUTRAL
from app.models.base import DoorRow, StoredDocument


class Pdf(DoorRow):
    """A PDF in the storage, under `place`; `digest` is the SHA-256 of its bytes."""

    number: str
    language: str
    size: int
    digest: bytes
    made_at: datetime

    @property
    def of(self) -> ObjectId:
        """What it shows."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        """Its name in the storage: what is written there is never written over with anything else."""
        return f"invoices/{self.organization_id}/{self.of}/{self.digest.hex()}.pdf"


class InvoicePdf(Pdf):
    collection = "invoice_pdfs"
    policies = {"invoice_id number language size digest made_at": NEUTRAL}

    invoice_id: ObjectId

    @property
    def of(self) -> ObjectId:
        return self.invoice_id


class InvoicePdfDocument(StoredDocument, InvoicePdf):
    class Settings:
        name = InvoicePdf.collection
        indexes = [
            IndexModel([("invoice_id", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]


class CreditNotePdf(Pdf):
    collection = "credit_note_pdfs"
    policies = {"credit_note_id number language size digest made_at": NEUTRAL}

    credit_note_id: ObjectId

    @property
    def of(self) -> ObjectId:
        return self.credit_note_id


class CreditNotePdfDocument(StoredDocument, CreditNotePdf):
    class Settings:
        name = CreditNotePdf.collection
        indexes = [
            IndexModel([("credit_note_id", ASCENDING)], unique=True),
            IndexModel([("organization_id", ASCENDING), ("_id", ASCENDING)]),
        ]
