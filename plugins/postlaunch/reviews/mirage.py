"""The 30-day mirage: whether those who came later stay as those did by whom the launch was first called a success. No I/O.

Users who began within the first PROVISIONAL_DAYS days, whom a verdict up to then can know, against those who began later: the share of
each who were active on their seventh day. It is a mirage when the difference is surely below zero: the 95 % interval of a difference of
proportions (Newcombe's method 10) ends below it. With fewer users than the launch's minimum sample on either side nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from postlaunch.reviews import formats
from postlaunch.reviews.gates import PROVISIONAL_DAYS
from postlaunch.reviews.intervals import difference

DAY = 7  # of a user: a week is over, whatever its rhythm


@dataclass(frozen=True)
class Staying:
    """Users whose seventh day is over, and how many of them were active on it; those who began early, and those who began later."""

    early_users: int
    early_retained: int
    later_users: int
    later_retained: int

    def is_known(self, minimum_sample: int) -> bool:
        """Whether both are enough to compare."""
        return min(self.early_users, self.later_users) >= minimum_sample

    def is_mirage(self, minimum_sample: int) -> bool:
        """Whether later users surely stay less."""
        if not self.is_known(minimum_sample):
            return False
        return difference(self.later_retained, self.later_users, self.early_retained, self.early_users)[1] < 0


def sentence(staying: Staying, minimum_sample: int) -> str:
    """What the two say beside each other."""
    began = f"began after day {PROVISIONAL_DAYS - 1}"
    if not staying.is_known(minimum_sample):
        return (
            f"Whether later users stay is not known: {formats.plural(staying.later_users, 'user')} {began}, {staying.early_users:,} before."
        )
    early, later = staying.early_retained / staying.early_users, staying.later_retained / staying.later_users
    lead = "The 30-day mirage" if staying.is_mirage(minimum_sample) else "No sure sign of the 30-day mirage"
    after, before = f"{formats.percent(later)} of the {staying.later_users:,}", f"{formats.percent(early)} of the {staying.early_users:,}"
    return f"{lead}: on their day {DAY} {after} who {began}, and {before} before were active."
