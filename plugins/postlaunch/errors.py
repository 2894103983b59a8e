"""Every error that postlaunch raises on purpose. Each message says what is wrong, where, and what fixes it.

PostlaunchError
├── ConfigError            a launch file, a setting or a connection is wrong or missing
├── SourceError            an API is down, answers garbage, or ends too early
│   └── SourceAuthError    an API refuses the credentials; never retried
├── LandingError           the landing zone is missing, incomplete or was changed
├── WarehouseError         PostgreSQL cannot be reached, or refuses
│   └── LockedError        somebody else has it and does not let go; the message names who
├── BuildError             dbt failed
├── GateError              the audit itself could not run (a failed expectation is a result, not an error)
└── ReviewError            a review cannot be rendered or delivered
"""


class PostlaunchError(Exception):
    """Base class: the command line prints it as one line and exits with 1."""


class ConfigError(PostlaunchError):
    """A launch file, a setting or a connection is wrong or missing."""


class SourceError(PostlaunchError):
    """An API is down, answers garbage, or its answer ends too early. Safe to retry."""


class SourceAuthError(SourceError):
    """An API refuses the credentials. Retrying cannot help."""


class LandingError(PostlaunchError):
    """The landing zone is missing, incomplete, or its files do not match their manifest."""


class WarehouseError(PostlaunchError):
    """PostgreSQL cannot be reached, or refuses."""


class LockedError(WarehouseError):
    """A lock was not to be had in time; the message says who has it, since when, and how to end that."""


class BuildError(PostlaunchError):
    """dbt failed; the message names the models."""


class GateError(PostlaunchError):
    """The audit could not run. A failed expectation is a result, not an error."""


class ReviewError(PostlaunchError):
    """A review cannot be rendered or delivered."""
