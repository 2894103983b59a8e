"""Every month one mail a launch: the month against its targets and against the month before.

- **When**: the second of the month, 06:00 UTC, for each launch's local month that ended in the data interval. Not the first: there the
  month is not over yet west of New York. Months before launch day 0 or after day 400 are not reviewed.
- **wait**: until the published marts cover the last day of the month. A domain that is held, or whose ingest failed for good, is not waited
  for; after an hour nothing is. The review says what is missing and since when.
- **deliver**: renders from published marts only, mails to `reviews.recipients.monthly` of the launch file. A month is mailed once: clearing
  or running it again does not mail twice, and a backfill never mails.
- **By hand**: the form takes a launch, any month (also of a launch long past), other recipients, and whether to mail it, or mail it again.
- **When it fails**: no mail has gone out for that launch; the others are not affected. Fix what the log names (SMTP connection
  `postlaunch_smtp`, recipients in the launch file, Chromium for the charts: `postlaunch doctor`) and clear the task.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.reviews import review_dag
from postlaunch.orchestration.windows import months_to_review

dag: DAG = review_dag("monthly_business_review", "monthly", "monthly", months_to_review, __doc__)
