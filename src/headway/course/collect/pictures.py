"""Pictures that a learner collects: class folders, and the table that lessons read.

collected/1/pictures.csv         file, label, burst, group
collected/1/cat/2f9c-01ab23.jpg  burst, then a hash of the picture
collected/1/.removed/            what was removed while the page was open, for undo; empty before and after

A picture is written before the table is, and the table is replaced as a whole: a row always has its picture, and what
was accepted is there after a kill.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from headway.errors import ConfigError, DataError
from headway.system.files import write_whole

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["MAX_CLASSES", "MAX_PICTURES", "Collection", "Row"]

MAX_PICTURES = 2000
MAX_CLASSES = 20
SIDE = 512
"""Pictures are made smaller until their longer side has so many pixels: lessons look at 128 or 224."""
_MAX_PIXELS = 40_000_000
_LABEL = re.compile(r"\w(?:[\w -]{0,38}\w)?")
_BURST = re.compile(r"[a-z0-9-]{1,32}")


@dataclass(frozen=True)
class Row:
    """A picture: its file, as the table names it, its class, its burst, and what stays on one side of a split."""

    file: str
    label: str
    burst: str
    group: str


class Collection:
    """The pictures of one lesson, in a folder; use it in one process at a time, see `alone`.

    Args:
        folder: Where the table and the class folders are; it is made with the first picture.

    Raises:
        DataError: If its table cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = folder / "pictures.csv"
        self.rows = self._read()
        self._bin = folder / ".removed"
        # Removals, the latest last: the rows of each, with their position in the table.
        self._removals: list[list[tuple[int, Row]]] = []

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A context in which no other process collects into the same folder.

        Raises:
            ConfigError: If one does.
        """
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.folder / ".lock", timeout=0):
                self.rows = self._read()
                self._forget_removals()
                yield
                self._forget_removals()
        except Timeout:
            what = "Another `headway course collect` is using this folder."
            raise ConfigError(what, given=self.folder, fix="Use its page, or stop it with Ctrl-C.") from None

    def counts(self) -> dict[str, dict[str, int]]:
        """How many pictures and bursts each class has, and removals that `undo` takes back; oldest class first."""
        removed = [removal[0][1].label for removal in self._removals]
        labels = dict.fromkeys([*(row.label for row in self.rows), *removed])
        return {
            label: {
                "pictures": sum(row.label == label for row in self.rows),
                "bursts": len({row.burst for row in self.rows if row.label == label}),
                "removals": removed.count(label),
            }
            for label in labels
        }

    def add(self, data: bytes, *, label: str, burst: str) -> Row:
        """Keeps a picture, smaller and without what the camera wrote of time and location.

        Args:
            data: A picture's file.
            label: Its class.
            burst: Names the pictures that were taken in one go: they are one group.

        Returns:
            Its row. A picture that is there already is kept once.

        Raises:
            DataError: If it is no picture, or there are too many; or it is there with another label.
        """
        label = self._checked_label(label)
        if not _BURST.fullmatch(burst):
            raise DataError("A burst's name has small letters, digits and hyphens.", given=repr(burst), fix="Use 7a.")
        content = _small(data)
        # Of the small picture: the same photo sent twice is one, whatever its file says of time and place.
        hashed = hashlib.sha256(content).hexdigest()[:16]
        for row in self.rows:
            if _content(row) == hashed:
                if row.label == label:
                    return row
                given = f"it is in {row.label!r}, and {label!r} is wanted too"
                raise DataError("A picture can have one label.", given=given, fix="Leave it out of one of them.")
        if len(self.rows) >= MAX_PICTURES:
            fix = "Remove some, or start training: this is enough."
            raise DataError("The collection is full.", given=f"{MAX_PICTURES} pictures", fix=fix)
        row = Row(f"{label}/{burst}-{hashed}.jpg", label, burst, f"{label} {burst}")
        # The picture before its row: a process killed in between leaves a file that no table names, and nothing broken.
        write_whole(self.folder / row.file, content)
        self.rows = [*self.rows, row]
        self._write()
        return row

    def files(self) -> dict[str, list[str]]:
        """The pictures' files by class, as the table names them, oldest first."""
        return {label: [row.file for row in self.rows if row.label == label] for label in self.counts()}

    def picture(self, file: str) -> bytes | None:
        """A picture's JPEG; None where the table does not name the file."""
        if all(row.file != file for row in self.rows):
            return None
        path = self.folder / file
        return path.read_bytes() if path.exists() else None

    def remove(self, file: str) -> list[str]:
        """Removes one picture, until `undo`; returns the files that were removed: none where it is not there."""
        return self._remove([row for row in self.rows if row.file == file])

    def remove_last_burst(self, label: str) -> list[str]:
        """Removes the pictures of a class's last burst, until `undo`; returns their files."""
        last = next((row.burst for row in reversed(self.rows) if row.label == label), None)
        return self._remove([row for row in self.rows if row.label == label and row.burst == last])

    def undo(self, label: str) -> list[str]:
        """Brings back what the last removal in a class removed; returns the files that are there again.

        Raises:
            DataError: If the class's name cannot be used any more: another one is too like it, or there are too many.
        """
        removal = next((one for one in reversed(self._removals) if one[0][1].label == label), [])
        if removal:
            self._checked_label(label)
            self._removals.remove(removal)
        back = []
        for position, row in removal:
            kept = self._bin / Path(row.file).name
            # A picture that was taken again meanwhile, or that someone deleted by hand, stays as it is.
            if kept.exists() and all(_content(one) != _content(row) for one in self.rows):
                kept.replace(self.folder / row.file)
                self.rows = [*self.rows[:position], row, *self.rows[position:]]
                back.append(row.file)
        if back:
            self._write()
        return back

    def _remove(self, removed: list[Row]) -> list[str]:
        if not removed:
            return []
        self._removals.append([(position, row) for position, row in enumerate(self.rows) if row in removed])
        self.rows = [row for row in self.rows if row not in removed]
        self._write()
        self._bin.mkdir(exist_ok=True)
        for row in removed:
            file = self.folder / row.file
            if file.exists():
                file.replace(self._bin / file.name)
        return [row.file for row in removed]

    def _forget_removals(self) -> None:
        # Who removes a picture of a person expects that it is gone.
        self._removals = []
        shutil.rmtree(self._bin, ignore_errors=True)

    def _checked_label(self, label: str) -> str:
        label = " ".join(label.split())
        if not _LABEL.fullmatch(label):
            what = "A class's name has 1 to 40 letters, digits, spaces, hyphens and underscores."
            raise DataError(what, given=repr(label[:60]), fix="Choose another, such as: coffee cup.")
        known = {row.label.casefold(): row.label for row in self.rows}
        if known.get(label.casefold(), label) != label:
            # On some systems they would be one folder.
            what = "Two classes differ only in capital letters."
            raise DataError(what, given=repr(label), fix=f"Write {known[label.casefold()]!r}.")
        if label.casefold() not in known and len(known) >= MAX_CLASSES:
            what = f"There can be {MAX_CLASSES} classes."
            raise DataError(what, given=f"{label!r} is one more", fix="Use one of those that are there.")
        return label

    def _read(self) -> list[Row]:
        if not self.table.exists():
            return []
        columns = [column.name for column in fields(Row)]
        with self.table.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file)
            if lines.fieldnames != columns:
                given = f"{self.table} has {', '.join(lines.fieldnames or ['no columns'])}"
                fix = f"It needs {', '.join(columns)}. Move it elsewhere to begin anew."
                raise DataError("The table of your pictures cannot be read.", given=given, fix=fix)
            # Whoever deletes a picture by hand means it.
            return [row for row in (Row(**line) for line in lines) if (self.folder / row.file).exists()]

    def _write(self) -> None:
        text = io.StringIO(newline="")
        lines = csv.DictWriter(text, [column.name for column in fields(Row)], lineterminator="\n")
        lines.writeheader()
        lines.writerows(asdict(row) for row in self.rows)
        write_whole(self.table, text.getvalue().encode())


def _content(row: Row) -> str:
    """The hash of a picture, as its file's name says it."""
    return Path(row.file).stem.rpartition("-")[2]


def _small(data: bytes) -> bytes:
    """A picture as a small JPEG, read as the library reads it."""
    from PIL import Image as PILImage

    from headway.inputs.image.field import open_upright
    from headway.inputs.image.server import FORMATS

    try:
        # By its header alone, and of the formats that are safe to decode.
        width, height = PILImage.open(io.BytesIO(data), formats=FORMATS).size
        if width * height > _MAX_PIXELS:
            given = f"{width} x {height} pixels"
            raise DataError("The picture is too large.", given=given, fix="Choose one below 40 megapixels.")
        return _jpeg(open_upright(data))
    except DataError:
        raise
    # Pillow's plugins raise whatever their parsers trip over.
    except Exception as error:
        fix = f"Choose a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file."
        raise DataError("This is no picture, or it is damaged.", given=f"{len(data)} bytes", fix=fix) from error


def _jpeg(picture: Image.Image) -> bytes:
    from PIL import Image as PILImage

    # With its transparency until it is small: on white at once, edges would get a dark or light rim.
    small = picture.convert("RGBA")
    small.thumbnail((SIDE, SIDE))
    on_white = PILImage.new("RGB", small.size, "white")
    on_white.paste(small, mask=small.getchannel("A"))
    file = io.BytesIO()
    on_white.save(file, "JPEG", quality=92)
    return file.getvalue()
