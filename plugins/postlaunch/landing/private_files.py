"""Files and folders of the landing zone: they hold what people wrote to support, so that only the owner and the group may read them.

0640 and 0750 on disk, less whatever the umask takes away; folders that were there already stay as they are. Object stores have rights of
their own.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from upath import UPath

FILE_MODE, FOLDER_MODE = 0o640, 0o750


def make_folder(folder: UPath) -> None:
    """The folder, and those above it that are not there yet. Raises OSError."""
    if not isinstance(folder, os.PathLike):
        folder.mkdir(parents=True, exist_ok=True)
        return
    path = Path(os.fspath(folder))
    for missing in reversed([each for each in (path, *path.parents) if not each.exists()]):
        missing.mkdir(mode=FOLDER_MODE, exist_ok=True)


def open_file(path: UPath) -> BinaryIO:
    """A file to write, empty. Raises OSError."""
    if isinstance(path, os.PathLike):
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb")
    file: BinaryIO = path.open("wb")
    return file


def write_file(path: UPath, text: str) -> None:
    """A whole text as UTF-8. Raises OSError."""
    with open_file(path) as file:
        file.write(text.encode())
