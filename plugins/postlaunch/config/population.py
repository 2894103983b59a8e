"""Who is to use a product: how many, in which accounts, and when an account is healthy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from postlaunch.config.fields import EventName, Name, Section
from postlaunch.config.later import NotYet

Colour = Literal["red", "yellow", "green"]


class HealthRule(Section):
    """When an account has a colour: at least one of the conditions holds.

    Tickets and tags are those of Zendesk's organization of the account's name (capitals do not count).
    """

    name: Name  # what the colour means, in the words of the promise
    inactive_days: Annotated[int, Field(ge=1, le=366)] | None = None  # nobody of the account was active for at least so many days
    usage_below: Annotated[float, Field(gt=0, le=10)] | None = None  # events of seven days by those of a week in the four before
    tickets: Annotated[int, Field(ge=1)] | None = None  # at least so many tickets opened in 28 days
    tag: Name | None = None  # a tag of the organization

    @model_validator(mode="after")
    def _has_a_condition(self) -> HealthRule:
        if self.inactive_days is None and self.usage_below is None and self.tickets is None and self.tag is None:
            raise ValueError("give at least one of inactive_days, usage_below, tickets and tag")
        return self


class Health(Section):
    """An account's colour: red before yellow; green if neither holds, unknown if one of them cannot be told. `outreach` is what to do."""

    red: HealthRule
    yellow: HealthRule | None = None
    outreach: dict[Colour, Name] = Field(default_factory=dict)

    @property
    def colours(self) -> list[tuple[Colour, HealthRule | None]]:
        """Those that accounts can have, the worst first; green has no rule."""
        yellow: list[tuple[Colour, HealthRule | None]] = [("yellow", self.yellow)] if self.yellow else []
        return [("red", self.red), *yellow, ("green", None)]


class Population(Section):
    """Who is to use it: how many, and the property that names their account (company, organization: a group key of Mixpanel).

    An event is of the account that its own property names, or of each in a list of them; without the property of the account that the
    profile of its user names, if `mixpanel.profile_properties` pulls it. Account names reach the marts as they are.
    """

    users: Annotated[int | None, Field(ge=1), NotYet()] = None
    account: EventName | None = None
    health: Health | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Population:
        if self.users is None and self.account is None:
            raise ValueError("give users, account, or both")
        if self.health is not None and self.account is None:
            raise ValueError("health is of accounts: account has to say which property names them")
        return self
