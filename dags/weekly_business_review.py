"""Every week one mail a launch: the ISO week against its targets and against the week before.

- **When**: 06:00 UTC on the night in which a launch's local Sunday ended, which is Monday from Auckland to Chicago, and Tuesday from Denver
  west. Weeks before launch day 0 or after day 400 are not reviewed.
- **wait**: until the published marts cover the Sunday. A domain that is held, or whose ingest failed for good, is not waited for; after an
  hour nothing is. The review says what is missing and since when.
- **deliver**: renders from published marts only, mails to `reviews.recipients.weekly` of the launch file. A week is mailed once: clearing
  or running it again does not mail twice, and a backfill never mails.
- **By hand**: the form takes a launch, a week such as `2026-W13`, other recipients, and whether to mail it, or mail it again.
- **When it fails**: no mail has gone out for that launch; the others are not affected. Fix what the log names (SMTP connection
  `postlaunch_smtp`, recipients in the launch file, Chromium for the charts: `postlaunch doctor`) and clear the task.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.reviews import review_dag
from postlaunch.orchestration.windows import weeks_to_review

dag: DAG = review_dag("weekly_business_review", "weekly", "nightly", weeks_to_review, __doc__)
