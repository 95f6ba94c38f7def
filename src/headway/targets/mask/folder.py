"""A folder of photos and a folder of their masks to the item table, and what numbers masks hold."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.data.sources import SPLIT_FOLDERS, files_below
from headway.errors import DataError, ReadError
from headway.targets.mask.field import UNLABELLED, stored_numbers

if TYPE_CHECKING:
    import polars as pl

__all__ = ["MASKS_LOOKED_AT", "found_classes", "list_masks"]

# Masks whose numbers tell which classes there are, where nobody has said it.
MASKS_LOOKED_AT = 200


def list_masks(path: str | os.PathLike[str], *, photos: str = "images", masks: str = "masks") -> pl.DataFrame:
    """The photos of one folder, each with the mask of the same name, but for its ending, in another folder.

    Both lie in `path`, or in `train/`, `valid/` and `test/` folders below it. The columns are named as the two folders
    and hold absolute paths, null where a photo has no mask; where the folder is split, there is "split", too. A row a
    photo, ordered by the photos' paths.
    """
    import polars as pl

    if photos == masks:
        fix = "Name them with --input and --target, such as --input images --target masks."
        raise DataError("Photos and masks must lie in two folders.", given=f"both in {photos!r}", fix=fix)
    root = Path(path).expanduser().absolute()
    parts = _parts(root)
    folders = [root / folder / name for folder in parts for name in (photos, masks)]
    missing = [str(folder) for folder in folders if not folder.is_dir()]
    if missing:
        what = "Photos and their masks belong into two folders, each mask named as its photo."
        fix = "Name the two folders with --input and --target, such as --input images --target masks."
        raise DataError(what, given=f"no folder {', '.join(missing)}", fix=fix)
    rows = [
        (str(photo), mask, part)
        for folder, part in parts.items()
        for photo, mask in _pairs(root / folder / photos, root / folder / masks)
    ]
    if not rows:
        given = ", ".join(str(root / folder / photos) for folder in parts)
        raise DataError("There are no photos in the folder.", given=given, fix="Correct the path.")
    items = pl.DataFrame(rows, schema={photos: pl.String, masks: pl.String, "split": pl.String}, orient="row")
    return items if all(parts.values()) else items.drop("split")


def found_classes(masks: Iterable[Any], *, ignore: Collection[int] | None = None) -> dict[int, str]:
    """The classes of masks, named by their numbers: those that the first masks hold, but for those to ignore.

    Where `ignore` is left out 255 is no label, unless masks hold nothing but 0 and 255: black and white.
    """
    read: list[set[int]] = []
    problem = "masks that are missing"
    for mask in masks:
        if len(read) == MASKS_LOOKED_AT:
            break
        try:
            read.append({*np.unique(stored_numbers(mask)).tolist()})
        except ReadError as error:
            problem = str(error)
    if not read:
        fix = "Save masks as PNG with one number a pixel, or name their column or folder: --target."
        raise DataError("No mask can be read.", given=problem, fix=fix)
    numbers = set[int]().union(*read)
    if ignore is None:
        _check_black_and_white(read)
    ignored = {*ignore} if ignore is not None else {UNLABELLED} if numbers != {0, UNLABELLED} else set()
    classes = {number: str(number) for number in sorted(numbers - ignored)}
    if not 2 <= len(classes) <= UNLABELLED:
        what = "The masks must hold numbers of at least two classes, one number a pixel."
        left_out = f", of which {sorted(ignored & numbers)} is ignored" if ignored & numbers else ""
        given = f"{sorted(numbers)[:10]} in {len(read)} masks{left_out}"
        fix = "Name the folder or column of the masks (--target), or what to ignore: --ignore 7, --ignore none."
        raise DataError(what, given=given, fix=fix)
    return classes


def _check_black_and_white(masks: Sequence[set[int]]) -> None:
    """A DataError where some masks have 255 for what others have another number for: half would have no class."""
    white = [numbers for numbers in masks if UNLABELLED in numbers]
    others = set[int]().union(*(numbers for numbers in masks if UNLABELLED not in numbers)) - {0}
    if white and len(others) == 1 and all(numbers <= {0, UNLABELLED} for numbers in white):
        number = others.pop()
        what = "The masks do not agree: some hold 0 and 255, others 0 and another number."
        given = f"255 in {len(white)} of {len(masks)} masks, {number} in others"
        fix = f'Name the classes, such as --classes "0=background,{number}=thing,255=thing"; or pass --ignore 255.'
        raise DataError(what, given=given, fix=fix)


def _parts(root: Path) -> dict[str, str | None]:
    """The folders that hold photos and masks, below the root, each with the part that it means."""
    names = sorted(folder.name for folder in root.iterdir() if folder.is_dir()) if root.is_dir() else []
    parts: dict[str, str | None] = {
        name: SPLIT_FOLDERS[name.lower()] for name in names if name.lower() in SPLIT_FOLDERS
    }
    return parts if "train" in parts.values() else {"": None}


def _pairs(photos: Path, masks: Path) -> list[tuple[Path, str | None]]:
    by_name: dict[str, list[str]] = {}
    for mask in files_below(masks):
        by_name.setdefault(mask.relative_to(masks).with_suffix("").as_posix(), []).append(str(mask))
    twice = [paths for paths in by_name.values() if len(paths) > 1]
    if twice:
        raise DataError("A photo must have one mask.", given=twice[0], fix="Keep one of them.")
    names = {photo: photo.relative_to(photos).with_suffix("").as_posix() for photo in files_below(photos)}
    before, after = _additions([*names.values()], [*by_name])
    wanted = {
        photo: f"{folder}{slash}{before}{name}{after}"
        for photo, (folder, slash, name) in ((photo, name.rpartition("/")) for photo, name in names.items())
    }
    return [(photo, by_name[name][0] if name in by_name else None) for photo, name in wanted.items()]


def _additions(photos: Sequence[str], masks: Sequence[str]) -> tuple[str, str]:
    """What stands before and after a photo's name in its mask's, for most of them: "_mask" after it, mostly nothing.

    Raises:
        DataError: If no mask's name has a photo's in it.
    """
    known, folders = {*masks}, defaultdict[str, list[str]](list)
    for mask in masks:
        folder, _, name = mask.rpartition("/")
        folders[folder].append(name)
    pairs = Counter[tuple[str, str]]()
    for photo in photos[:: max(1, len(photos) // MASKS_LOOKED_AT)]:
        if photo in known:
            pairs[("", "")] += 1
            continue
        folder, _, name = photo.rpartition("/")
        inside = (mask.partition(name) for mask in folders[folder])
        pairs.update((before, after) for before, middle, after in inside if middle)
    if photos and masks and not pairs:
        fix = "Name each mask as its photo, or with the same addition for all: cat1.jpg and cat1_mask.png."
        raise DataError("No mask is named as a photo.", given=[f"photo {photos[0]}", f"mask {masks[0]}"], fix=fix)
    return max(pairs, key=lambda pair: pairs[pair], default=("", ""))
