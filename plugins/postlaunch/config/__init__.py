"""Configuration: launch files, settings and connections. Nothing here reads the environment at import."""
