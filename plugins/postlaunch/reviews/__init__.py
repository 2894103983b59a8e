"""Reviews: queries -> figures -> documents -> delivery, from published marts only.

render("monthly", launch, "2026-03", out=folder)  ->  Review (subject, html, text, images, paths)
deliver(review, recipients, again=False)          ->  Delivery, or None if it was mailed before
"""

from postlaunch.reviews.delivery import Delivery, deliver
from postlaunch.reviews.mail import Review
from postlaunch.reviews.review import render

__all__ = ["Delivery", "Review", "deliver", "render"]
