"""What the sandbox raises on purpose: a branch of the tree in `postlaunch.errors`, so that the command line prints it as one line."""

from postlaunch.errors import PostlaunchError


class SandboxError(PostlaunchError):
    """A part of the local stack cannot start, is ill, or would not stop."""
