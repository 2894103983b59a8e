"""The accounts that the simulated APIs know. They open nothing but the sandbox."""

MIXPANEL_USER = "postlaunch-sandbox"
MIXPANEL_SECRET = "mixpanel-sandbox-secret"
ZENDESK_EMAIL = "agent@sandbox.example"
ZENDESK_TOKEN = "zendesk-sandbox-token"
PAGERDUTY_TOKEN = "pagerduty-sandbox-token"
