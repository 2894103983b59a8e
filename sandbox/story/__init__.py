"""The story of the sandbox company: one launch, told the same way in all four sources, a pure function of seed and launch date.

plan -> troubles -> people -> events -> event_records       Mixpanel
                 -> tickets -> ticket_records                Zendesk
                 -> incidents                                PagerDuty
                 -> machines -> series                       Prometheus
truth: the numbers that the warehouse must find, counted without SQL
"""

from sandbox.story.plan import Plan

__all__ = ["Plan"]
