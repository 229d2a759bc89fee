"""Invoices to look at, one in each language of the server."""

from datetime import date

from app.core.money import Money
from app.services.billing.invoicing.invoice_pdfs import InvoiceShown, LineShown, PartyShown, TaxShown


def euros(cents: int) -> Money:
    return Money(cents, "EUR")


def rupees(paise: int) -> Money:
    return Money(paise, "INR")


ENGLISH = InvoiceShown(
    number="BS-2026-000042",
    issued_on=date(2026, 11, 30),
    due_on=date(2026, 12, 14),
    seller=PartyShown("Birch School Ltd", ["12 Harbour Street", "Lagos 101241", "Nigeria"], "12345678-0001"),
    buyer=PartyShown("Ada Lovelace", ["4 Marina Road", "Abuja", "Nigeria"]),
    lines=[
        LineShown("Standard plan", Money(2_900_000, "NGN"), "1", Money(2_900_000, "NGN"), "1–30 November 2026"),
        LineShown("API calls above 10,000", Money(123_450, "NGN"), "8,230 of 1,000", Money(15_000, "NGN")),
        LineShown("Credit: an outage on 12 November", Money(-100_000, "NGN")),
    ],
    subtotal=Money(2_923_450, "NGN"),
    taxes=[TaxShown("VAT", 750, Money(219_259, "NGN"))],
    total=Money(3_142_709, "NGN"),
    notes=["Pay by bank transfer to 0123456789 (First Bank), with the reference BS-2026-000042."],
    sender="Birch School",
    brand_color="#1d6b45",
    brand_text_color="#ffffff",
)
FRENCH = InvoiceShown(
    number="ÉT-2026-000007",
    issued_on=date(2026, 2, 1),
    due_on=date(2026, 3, 3),
    seller=PartyShown("Éditions de l’Œuvre SARL", ["3, rue de l’Élysée", "75008 Paris", "France"], "FR40303265045"),
    buyer=PartyShown("Großhandel Müller GmbH", ["Königstraße 5", "70173 Stuttgart", "Allemagne"], "DE136695976"),
    lines=[LineShown("Forfait annuel « Équipe »", euros(119_000), "10", euros(11_900), "du 1er février au 31 janvier")],
    subtotal=euros(119_000),
    total=euros(119_000),
    paid=euros(19_000),
    reverse_charge=True,
    purchase_order="PO-4711",
    language="fr",
    sender="Éditions de l’Œuvre",
    brand_color="#7c2d12",
    brand_text_color="#ffffff",
)
HINDI = InvoiceShown(
    number="GP-2026-000128",
    issued_on=date(2026, 4, 5),
    due_on=date(2026, 4, 20),
    seller=PartyShown(
        "ज्ञान प्रकाश प्राइवेट लिमिटेड", ["१२, महात्मा गांधी मार्ग", "मुंबई 400001", "महाराष्ट्र"], "27AAPFU0939F1ZV"
    ),
    buyer=PartyShown("श्रीमती लक्ष्मी कृष्णन", ["कर्नाटक, भारत"]),
    lines=[
        LineShown("मासिक सदस्यता", rupees(149_900), "1", rupees(149_900), "अप्रैल 2026"),
        LineShown("अतिरिक्त विद्यार्थी", rupees(50_000), "5", rupees(10_000)),
    ],
    subtotal=rupees(199_900),
    taxes=[TaxShown("IGST", 1800, rupees(35_982))],
    total=rupees(235_882),
    language="hi",
    sender="ज्ञान प्रकाश",
    brand_color="#b45309",
    brand_text_color="#ffffff",
)
ARABIC = InvoiceShown(
    number="MN-2026-000015",
    issued_on=date(2026, 5, 17),
    seller=PartyShown("مدرسة النور", ["شارع الجمهورية ١٢", "القاهرة", "مصر"]),
    buyer=PartyShown("فاطمة الزهراء", ["الإسكندرية، مصر"]),
    lines=[LineShown("اشتراك شهري", euros(-4_900), "1", euros(4_900), "مايو 2026")],
    subtotal=euros(-4_900),
    total=euros(-4_900),
    credit_note=True,
    credits="MN-2026-000009",
    notes=["سيُعاد المبلغ إلى بطاقتك خلال 5 أيام عمل."],
    language="ar",
    sender="مدرسة النور",
    brand_color="#1e3a8a",
    brand_text_color="#ffffff",
)
SAMPLES = {"en": ENGLISH, "fr": FRENCH, "hi": HINDI, "ar": ARABIC}
