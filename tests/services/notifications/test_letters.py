"""E-mails: what they look like, what cannot be smuggled into them, and what a template may do."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from app.core.words import languages
from app.services.notifications.kinds import KINDS, sample
from app.services.notifications.letters import FOLDER, Look, Source, letter, message, ours, preview
from app.services.notifications.templating import BadTemplate, check, render

BODY = """{{ greeting }}

{% for quote in quotes %}
**{{ quote.author }}:**

> {{ quote.text }}

{% endfor %}

[Open Atrium]({{ link }})

Bye.
"""


def made(
    subject: str = "{{ first }} wrote to you",
    name: str = "Grace Hopper",
    sender: str | None = None,
    **variables: object,
) -> EmailMessage:
    """The message as its receiver reads it."""
    known = {"first": "Ada", "link": "https://atrium.example/a_b-c.d", "quotes": [], "name": name, **variables}
    look = Look(sender=sender)
    written = letter(Source(subject, BODY), "en", known, look)
    sent = message_from_bytes(message(written, look, name, "grace@example.com", "id").as_bytes(), policy=default)
    assert isinstance(sent, EmailMessage)
    return sent


def part(sent: EmailMessage, kind: str) -> str:
    found = sent.get_body((kind,))
    assert found
    return str(found.get_content()).replace("\r\n", "\n")


def test_both_parts_say_the_same() -> None:
    sent = made(quotes=[{"author": "Ada_1", "text": "مرحبا 👋 *5* [a](https://b) & 1. #x"}])
    for words in ("Hello Grace Hopper,", "Ada_1:", "مرحبا 👋 *5* [a](https://b) & 1. #x", "Open Atrium", "Bye."):
        assert words in part(sent, "plain")
        assert words.replace("&", "&amp;") in part(sent, "html")
    assert "\nhttps://atrium.example/a_b-c.d\n" in part(sent, "plain")
    assert 'href="https://atrium.example/a_b-c.d"' in part(sent, "html")
    assert (sent["To"], sent["Auto-Submitted"], sent["Message-ID"]) == (
        "Grace Hopper <grace@example.com>", "auto-generated", "<id@atrium.example>",
    )  # fmt: skip


def test_the_html_part_shows_words_as_words() -> None:
    sent = made(first="<b>Ada</b>", quotes=[{"author": "Ada <3", "text": "<script>alert(1)</script>"}])
    html = part(sent, "html")
    assert "<script>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "&lt;b&gt;Ada&lt;/b&gt; wrote" in html
    assert "<script>alert(1)</script>" in part(sent, "plain")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "data:text/html,x", "https://a) [b](https://evil.example"])
def test_a_link_leads_where_links_may_lead(link: str) -> None:
    html = part(made(link=link), "html")
    assert 'href="javascript' not in html
    assert 'href="data' not in html
    assert 'href="https://evil' not in html


@pytest.mark.parametrize("smuggled", ["\r\nBcc: all@example.com", "\nBcc: all@example.com", "\u2028Bcc: x", "\x00\x0b"])
def test_nothing_can_add_a_header(smuggled: str) -> None:
    sent = made(first=f"Ada{smuggled}", name=f"Grace{smuggled}", sender=f"Birch School{smuggled}")
    assert sent["Bcc"] is None
    assert sent["Subject"].startswith("Ada")
    assert [one.addr_spec for one in sent["To"].addresses] == ["grace@example.com"]
    assert [one.addr_spec for one in sent["From"].addresses] == ["no-reply@atrium.example"]


def test_a_name_cannot_become_an_address() -> None:
    sent = made(name='Grace" <mallory@example.com>, "')
    assert [address.addr_spec for address in sent["To"].addresses] == ["grace@example.com"]


@pytest.mark.parametrize("language", languages())
def test_every_kind_has_its_template_in_every_language(language: str) -> None:
    assert {file.stem for file in (FOLDER / language).glob("*.md")} == KINDS.keys()
    for kind in KINDS:
        source = ours(kind, language)
        for text in (source.subject, source.body):
            check(text, sample(kind))
        written = letter(source, language, sample(kind), Look())
        assert written.subject
        assert sample(kind)["link"] in written.text
        assert f'dir="{"rtl" if languages()[language].right_to_left else "ltr"}"' in written.html


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{% for a in list %}{% for b in list %}{% endfor %}{% endfor %}", "Line 1: a loop"),
        ("{% for a in list recursive %}{% endfor %}", "Line 1: a loop"),
        ("{% for a in range(9) %}{% endfor %}", "Line 1"),
        ("\n{{ ''.__class__ }}", "Line 2"),
        ("{{ name.format(name) }}", "Line 1"),
        ("{{ name * 9 ** 9 }}", "Line 1"),
        ("{% set a = 1 %}", "Line 1"),
        ("{% include 'layout.html' %}", "Line 1"),
        ("{% macro a() %}{{ a() }}{% endmacro %}", "Line 1"),
        ("{{ name | attr('x') }}", "Line 1"),
        ("{{ name | center(9999999) }}", "Line 1"),
        ("\n\n{% if name %}", "Line 3"),
        ("{{ nmae }}", "“nmae” here. There are: list, name"),
        ("{% if " + "(" * 3000 + "name" + ")" * 3000 + " %}{% endif %}", "nested"),
        ("x" * 20_001, "at most 20,?000"),
    ],
    ids=range(15),
)
def test_a_template_that_could_do_harm_is_not_kept(source: str, told: str) -> None:
    with pytest.raises(BadTemplate, match=told):
        check(source, {"name", "list"})


def test_what_a_template_makes_has_an_end() -> None:
    with pytest.raises(BadTemplate, match="at most"):
        render("{% for a in list %}" + "x" * 10_000 + "{% endfor %}", {"list": [1] * 1_000})
    with pytest.raises(BadTemplate, match="authr"):
        render("{% for a in list %}{{ a.authr }}{% endfor %}", {"list": [{"author": "Ada"}]})


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
