"""What a scene refuses because it is in one state and not in another."""

REFUSED = {
    "askForAffiliation": "ALREADY_ASKED",
    "suspendAffiliation": "ILLEGAL_TRANSITION",
    "reinstateAffiliation": "ILLEGAL_TRANSITION",
    "offerOwnership": "OWNERSHIP_OFFERED",
    "acceptOwnership": "FORBIDDEN",
    "declineOwnership": "FORBIDDEN",
    "reinstateOrganization": "ILLEGAL_TRANSITION",
    "resumeCampaign": "ILLEGAL_TRANSITION",
    "pauseWebhookEndpoint": "ILLEGAL_TRANSITION",
    "requestPayout": "NO_DESTINATION",
}
"""With which code; a mutation that came before may have changed the state."""
