"""E-mails: what they look like, and what cannot be smuggled into them."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from app.services.notifications.letters import Letter, Quote, message, preview


def letter(subject: str = "Ada wrote to you", quote: str = "See you at 5.") -> Letter:
    return Letter(
        subject, ("Hello Grace,",), "Open Atrium", "https://atrium.example/", (Quote("Ada <3", quote),), "Bye."
    )


def sent(made: EmailMessage) -> EmailMessage:
    """The message as its receiver reads it."""
    read = message_from_bytes(made.as_bytes(), policy=default)
    assert isinstance(read, EmailMessage)
    return read


def part(made: EmailMessage, kind: str) -> str:
    found = sent(made).get_body((kind,))
    assert found
    return str(found.get_content())


def test_both_parts_say_the_same() -> None:
    made = message(letter(quote="مرحبا 👋"), "Grace Hopper", "grace@example.com", "job")
    for kind in ("plain", "html"):
        text = part(made, kind)
        for words in ("Hello Grace,", "مرحبا 👋", "https://atrium.example/", "Open Atrium", "Bye."):
            assert words in text
    assert sent(made)["To"] == "Grace Hopper <grace@example.com>"
    assert sent(made)["Auto-Submitted"] == "auto-generated"


def test_the_html_part_shows_words_as_words() -> None:
    made = message(letter("<b>Ada</b>", "<script>alert(1)</script>"), "Grace", "grace@example.com", "job")
    html = part(made, "html")
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "Ada &lt;3" in html
    assert "<script>alert(1)</script>" in part(made, "plain")


@pytest.mark.parametrize("smuggled", ["\r\nBcc: all@example.com", "\nBcc: all@example.com", "\u2028Bcc: x", "\x00\x0b"])
def test_nothing_can_add_a_header(smuggled: str) -> None:
    made = sent(message(letter(f"Ada{smuggled} wrote"), f"Grace{smuggled}", "grace@example.com", "job"))
    assert made["Bcc"] is None
    assert made["Subject"].startswith("Ada")
    assert made["To"].addresses[0].addr_spec == "grace@example.com"
    assert len(made["To"].addresses) == 1


def test_a_name_cannot_become_an_address() -> None:
    made = sent(message(letter(), 'Grace" <mallory@example.com>, "', "grace@example.com", "job"))
    assert [address.addr_spec for address in made["To"].addresses] == ["grace@example.com"]


def test_a_repeated_message_has_the_same_id() -> None:
    def id(reference: str) -> str:
        return str(message(letter(), "Grace", "grace@example.com", reference)["Message-ID"])

    assert id("email_absent.1:a") == id("email_absent.1:a") != id("email_absent.1:b")
    assert id("email_absent.1:a").endswith("@atrium.example>")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", "short"),
        ("two\n\nlines  x", "two lines x"),
        ("one two three four", "one two…"),
        ("x" * 20, "x" * 11 + "…"),
        ("exactly tens", "exactly tens"),
    ],
)
def test_a_preview_is_one_line_cut_between_words(text: str, shown: str) -> None:
    assert preview(text, 12) == shown
