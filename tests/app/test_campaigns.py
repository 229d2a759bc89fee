"""Campaigns and templates, by the API: written, tried, sent once to each, paused and taken up again."""

import re
from email.message import EmailMessage
from typing import Any

import httpx

from tests.app import props
from tests.world import Person, until


async def test_a_template_from_the_draft_to_the_e_mail(company: list[Person]) -> None:
    owner, ada, _ = company
    given = {"key": "news", "locale": "en", "subject": "News, {{ name }}", "body": "{{ greeting }}\n\n{{ nmae }}"}
    refused = await owner.call("saveEmailTemplate", input=given)
    assert (refused["code"], refused["path"]) == ("BAD_TEMPLATE", ["input", "body"])
    assert "“nmae”" in refused["message"]
    given["body"] = "{{ greeting }}\n\n**Much** has happened at {{ organization }}.\n\n[Read it](https://example.com/)"
    draft = await owner.call("saveEmailTemplate", input=given)
    assert (draft["number"], draft["state"]) == (1, "DRAFT")
    preview = await owner.call("emailPreview", id=draft["id"])
    assert preview["subject"] == "News, Ada Lovelace"
    assert "<strong>Much</strong> has happened at Company." in preview["html"]
    assert "Read it:\nhttps://example.com/" in preview["text"]
    await owner.call("sendTestEmail", input={"templateId": draft["id"]})
    tried = await until(lambda: _mail(owner, f"News, {owner.name}"))
    assert len(tried) == 1
    action = {"templateId": draft["id"]}
    assert (await owner.call("publishEmailTemplate", input=action))["state"] == "PUBLISHED"
    assert (await owner.call("publishEmailTemplate", input=action))["code"] == "ILLEGAL_TRANSITION"
    second = await owner.call("saveEmailTemplate", input={**given, "subject": "More"})
    assert second["number"] == 2
    await owner.call("publishEmailTemplate", input={"templateId": second["id"]})
    states = [one["state"] for one in (await owner.call("emailTemplates", key="news"))["nodes"]]
    assert states == ["PUBLISHED", "RETIRED"]
    assert (await owner.call("saveEmailTemplate", input={**given, "key": "reset_password"}))["code"] == (
        "NOT_FOR_ORGANIZATIONS"
    )
    assert (await owner.call("builtInEmail", key="invitation", locale="fr"))["subject"].endswith("Company")
    assert await ada.refused("emailTemplates") == "FORBIDDEN"


async def test_an_organizations_own_words_replace_ours(company: list[Person], people: list[Person]) -> None:
    owner, *_ = company
    given = {"key": "invitation", "locale": "en", "subject": "Come to {{ organization }}", "body": "[Yes]({{ link }})"}
    draft = await owner.call("saveEmailTemplate", input=given)
    await owner.call("publishEmailTemplate", input={"templateId": draft["id"]})
    await owner.call("inviteMember", input={"email": people[3].email})
    assert await until(lambda: _mail(people[3], "Come to Company"))

    async def noted() -> Any:
        found = (await owner.call("deliveries", state="SENT"))["nodes"]
        return next((one for one in found if one["address"] == people[3].email), None)

    sent = await until(noted)
    assert (sent["kind"], sent["attempts"], sent["provider"]) == ("invitation", 1, "smtp")


async def test_a_campaign_reaches_whom_it_is_for_once_and_no_more_after_a_pause(company: list[Person]) -> None:
    owner, ada, grace = company
    await props.template(owner)
    campaign = await _campaign(owner, audience={"id": {"in": [ada.id, grace.id]}})
    assert (await owner.call("resumeCampaign", input={"campaignId": campaign}))["code"] == "ILLEGAL_TRANSITION"
    text = "subscription($id: ID!) { campaignEvents(id: $id) { ... on CampaignMoved { campaign { state } } } }"
    async with owner.live() as socket:
        await socket.subscribe(text, id=campaign)
        await _do(owner, "scheduleCampaign", campaign)
        states = []
        while "SENT" not in states:
            states += [e["state"] for e in [(await socket.next())["campaignEvents"].get("campaign")] if e]
    done = await _seen(owner, campaign)
    assert (done["made"], done["results"]["sent"], done["results"]["queued"]) == (2, 2, 0)
    for person, count in ((ada, 1), (grace, 1), (owner, 0)):
        assert len(await _mail(person, "News of Company")) == count
    [mail] = await _mail(ada, "News of Company")
    link = mail["List-Unsubscribe"].strip("<>")
    async with httpx.AsyncClient() as browser:
        page = await browser.get(link, headers={"Accept-Language": "ar"})
        assert 'dir="rtl"' in page.text
        assert ada.email in page.text
        one_click = await browser.post(link, data={"List-Unsubscribe": "One-Click"})
        assert one_click.status_code == 200
        assert (await browser.post(link[:-3] + "AAA")).status_code == 404
        assert (await browser.post(f"{owner.world.url}/webhooks/resend", content=b"{}")).status_code == 401
    again = await _campaign(owner)
    await _do(owner, "scheduleCampaign", again)
    finished = await until(lambda: _results(owner, again))
    assert (finished["sent"], finished["suppressed"]) == (2, 1)
    [why] = (await owner.call("suppressions", email=ada.email.upper()))["nodes"]
    assert why["reason"] == "UNSUBSCRIBED"
    await owner.call("liftSuppression", input={"email": ada.email})
    assert (await owner.call("suppressions", email=ada.email))["nodes"] == []


async def test_a_campaign_waits_for_its_hours_and_can_be_cancelled(company: list[Person]) -> None:
    owner, *_ = company
    missing = await _campaign(owner)
    assert (await _do(owner, "scheduleCampaign", missing))["code"] == "NO_TEMPLATE"
    await props.template(owner)
    later = await props.waiting_campaign(owner)
    assert (await _do(owner, "pauseCampaign", later))["state"] == "PAUSED"
    assert (await _do(owner, "resumeCampaign", later))["state"] == "SENDING"
    assert (await _do(owner, "cancelCampaign", later))["state"] == "CANCELLED"
    shut = {"name": "N", "templateKey": "news", "windowOpens": 9, "windowCloses": 9}
    assert (await owner.call("createCampaign", input=shut))["code"] == "INVALID"


async def test_opening_is_noticed_of_who_has_agreed_to_it_only(company: list[Person]) -> None:
    owner, ada, grace = company
    text = await props.legal_text(owner, "COOKIES")
    consent = await ada.call("acceptLegalText", input={"textId": text})
    await props.template(owner)
    campaign = await _campaign(owner)
    await _do(owner, "scheduleCampaign", campaign)
    await until(lambda: _results(owner, campaign))
    other = (await _mail(grace, "News of Company"))[-1]
    assert "/mail/" not in _html(other)
    mail = (await _mail(ada, "News of Company"))[-1]
    [pixel] = re.findall(r'src="([^"]+/mail/opened/[^"]+)"', _html(mail))
    async with httpx.AsyncClient() as browser:
        assert (await browser.get(pixel)).headers["content-type"] == "image/gif"
        assert (await _seen(owner, campaign))["results"]["opened"] == 1
        await ada.call("withdrawConsent", input={"consentId": consent["id"]})
        assert (await browser.get(f"{owner.world.url}/mail/clicked/nonsense")).status_code == 404


async def _campaign(owner: Person, **more: Any) -> str:
    made = await owner.call("createCampaign", input={"name": "News", "templateKey": "news"}, **more)
    return str(made["id"])


async def _do(owner: Person, mutation: str, campaign: str) -> Any:
    return await owner.call(mutation, input={"campaignId": campaign})


async def _seen(owner: Person, campaign: str) -> Any:
    found = (await owner.call("campaigns"))["nodes"]
    return next(one for one in found if one["id"] == campaign)


async def _results(owner: Person, campaign: str) -> Any:
    """What became of a campaign, when it has ended."""
    found = await _seen(owner, campaign)
    return found["results"] if found["state"] == "SENT" else None


async def _mail(person: Person, subject: str) -> list[EmailMessage]:
    assert person.world.office
    return [one for one in person.world.office.to(person.email) if one["Subject"] == subject]


def _html(mail: EmailMessage) -> str:
    body = mail.get_body(("html",))
    assert body
    return str(body.get_content())
