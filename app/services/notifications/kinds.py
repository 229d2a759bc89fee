"""What e-mails are about: each kind with the variables that its template has, and an example of each."""

from collections.abc import Mapping
from typing import Any

Variables = Mapping[str, Any]

ALWAYS: Variables = {"name": "Ada Lovelace", "greeting": "Hello Ada Lovelace,", "organization": "Birch School"}
"""What every template has."""
DIGEST = "digest"
"""The kind of what tells of several things together."""
_LINK = {"link": "https://atrium.example/somewhere"}

KINDS: Mapping[str, Variables] = {
    "welcome": {**_LINK, "lifetime": "2 days"},
    "verify_email": {**_LINK, "lifetime": "2 days"},
    "confirm_email": {**_LINK, "lifetime": "2 days", "wanted": "ada@new.example", "email": "ada@old.example"},
    "email_changing": {**_LINK, "wanted": "ada@new.example", "email": "ada@old.example"},
    "address_taken": _LINK,
    "account_exists": _LINK,
    "reset_password": {**_LINK, "lifetime": "30 minutes"},
    "password_changed": _LINK,
    "factors_reset": {**_LINK, "reason": "They have shown their passport."},
    "new_device": {
        **_LINK,
        "device": "Firefox on Windows",
        "moment": "12 March 2026, 09:41 UTC",
        "place": "Lyon, France (192.0.2.7)",
    },
    "invitation": {
        **_LINK,
        "inviter": "Grace Hopper",
        "role": "member",
        "until": "19 March 2026",
        "email": "ada@example.com",
        "token": "65f0c0ffee65f0c0ffee65f0.Zm9yIGFuIGV4YW1wbGUgb25seQ",
    },
    "deletion_requested": {**_LINK, "by": "Grace Hopper", "until": "26 March 2026", "reason": "We have merged."},
    "deletion_cancelled": {**_LINK, "failed": False},
    "webhook_troubled": {**_LINK, "host": "hooks.example.com", "fault": "", "days": 30},
    "unread_messages": {
        **_LINK,
        "first": "Grace Hopper",
        "second": "Alan Turing",
        "others": 1,
        "title": "Spring schedule",
        "quotes": [
            {"author": "Grace Hopper", "text": "Could you look at the plan for Monday?"},
            {"author": "Alan Turing", "text": "I have put the rooms in. Two are still free."},
        ],
    },
    "reminder": {
        **_LINK,
        "title": "Algebra for beginners",
        "moment": "12 March 2026, 09:00",
        "note": "Bring something to write with.",
    },
    "notification": {**_LINK, "text": "Grace Hopper offers you the ownership of Birch School."},
    DIGEST: {**_LINK, "count": 2, "lines": ["Grace Hopper asks to sell for Birch School.", "Ada, look at this!"]},
    "affiliation_approved": _LINK,
    "affiliation_rejected": _LINK,
    "commission_approved": {
        **_LINK,
        "amount": "€48.00",
        "product": "Algebra for beginners",
        "payout": "1 April 2026",
    },
    "commission_paid": {**_LINK, "amount": "€312.00", "account": "DE•• •••• 4711"},
    "invoice_issued": {**_LINK, "number": "2026-0042", "amount": "€119.00", "due": "26 March 2026"},
    "subscription_renewed": {**_LINK, "plan": "Standard", "amount": "€29.00", "until": "12 April 2026"},
    "subscription_expiring": {**_LINK, "plan": "Standard", "until": "19 March 2026"},
    "api_limit_exceeded": {**_LINK, "key": "Website", "limit": "100,000", "until": "1 April 2026"},
    "payment_failed": {**_LINK, "plan": "Standard", "amount": "€29.00", "retry": "15 March 2026"},
    "payment_action_needed": {**_LINK, "plan": "Standard", "amount": "€29.00", "retry": "15 March 2026"},
    "trial_ending": {**_LINK, "plan": "Standard", "amount": "€29.00 a month", "until": "19 March 2026"},
}
"""The variables of each kind's template besides those that every one has."""


OF_PLATFORM = frozenset(
    {
        "welcome",
        "verify_email",
        "confirm_email",
        "email_changing",
        "address_taken",
        "account_exists",
        "reset_password",
        "password_changed",
        "new_device",
    }
)
"""Those that the platform sends in its own name: no organization has templates for them."""


def sample(kind: str) -> dict[str, Any]:
    """An example of all variables that the template of a kind has."""
    return {**ALWAYS, **KINDS.get(kind, {})}
