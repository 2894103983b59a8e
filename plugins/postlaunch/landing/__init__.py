"""The landing zone: what the sources said, kept as it came, so that a reload never calls an API again."""
