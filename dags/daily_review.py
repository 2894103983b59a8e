"""Every morning one mail a launch: what happened yesterday, what is held, what is late.

- **When**: 06:00 UTC, for each launch's local dates that ended in the data interval, from launch day 0 to day 400.
- **wait**: until the published marts cover the date. A domain that is held, or whose ingest failed for good, is not waited for; after an
  hour nothing is. The review says what is missing and since when.
- **deliver**: renders from published marts only, mails to `reviews.recipients.daily` of the launch file. A date is mailed once: clearing or
  running it again does not mail twice, and a backfill never mails.
- **By hand**: the form takes a launch, a date, other recipients, and whether to mail it, or mail it again.
- **When it fails**: no mail has gone out for that launch; the others are not affected. Fix what the log names (SMTP connection
  `postlaunch_smtp`, recipients in the launch file, Chromium for the charts: `postlaunch doctor`) and clear the task.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.reviews import review_dag
from postlaunch.orchestration.windows import days_to_review

dag: DAG = review_dag("daily_review", "daily", "nightly", days_to_review, __doc__)
