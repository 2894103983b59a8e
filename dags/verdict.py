"""On day 7, 30, 60 and 90 one mail a launch: every gate, and a recommendation to scale, to pivot or to roll back, for a person to sign.

- **When**: 06:00 UTC on the night in which the last day that a verdict judges ended, by the clock of the launch. A launch file may name
  other days (`verdict.days`).
- **wait**: until the published marts cover that day. A domain that is held, or whose ingest failed for good, is not waited for; after an
  hour nothing is. The verdict then recommends nothing for want of data, and says which.
- **deliver**: renders from published marts only, mails to `reviews.recipients.verdict` of the launch file. A verdict is mailed once:
  clearing or running it again does not mail twice, and a backfill never mails.
- **By hand**: the form takes a launch, a verdict such as `day-30`, other recipients, and whether to mail it, or mail it again.
- **When it fails**: no mail has gone out for that launch; the others are not affected. Fix what the log names (SMTP connection
  `postlaunch_smtp`, recipients in the launch file, Chromium for the charts: `postlaunch doctor`) and clear the task.
"""

from airflow.sdk import DAG

from postlaunch.orchestration.reviews import review_dag
from postlaunch.orchestration.windows import verdicts_to_give

dag: DAG = review_dag("verdict", "verdict", "nightly", verdicts_to_give, __doc__)
