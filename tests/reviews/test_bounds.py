"""At least, more than, at most, less than: kept and said alike."""

import pytest

from postlaunch.config.launch import Target
from postlaunch.reviews import bounds, formats


@pytest.mark.parametrize(
    ("target", "below", "on_the_line", "above", "said"),
    [
        (Target(at_least=0.9), False, True, True, "≥ 90 %"),
        (Target(above=0.9), False, False, True, "> 90 %"),
        (Target(at_most=0.9), True, True, False, "≤ 90 %"),
        (Target(below=0.9), True, False, False, "< 90 %"),
    ],
)
def test_on_the_line_only_a_strict_target_is_missed(target: Target, below: bool, on_the_line: bool, above: bool, said: str) -> None:
    for value, kept in ((0.8, below), (0.9, on_the_line), (1.0, above)):
        assert bounds.is_kept(value, target.comparator, target.bound) is kept
    assert formats.target(target.bound, target.comparator, "ratio").replace(formats.NBSP, " ") == said
