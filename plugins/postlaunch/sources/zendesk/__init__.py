"""Zendesk: tickets, what happened to them, and what they were judged by."""
