"""A class for each pixel, in mask files that lie beside the photos: the target of semantic segmentation."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from headway.errors import ConfigError, DataError, ReadError
from headway.inputs.base import Input
from headway.inputs.image.field import Image, open_upright
from headway.targets.base import Media, Prediction, Target, Task, listed

if TYPE_CHECKING:
    import polars as pl
    import torch
    from matplotlib.axes import Axes

    from headway.data.dataset import Data
    from headway.inputs.image.geometry import CropBox

__all__ = ["UNLABELLED", "Mask", "MaskReader", "painted", "stored_numbers"]

# In place of a class: nobody knows which one, so it is neither learned from nor judged.
UNLABELLED = 255

# Masks that are counted at once, so that they need not all lie in memory.
_CHUNK = 256

# Told apart with any kind of colour vision: Okabe and Ito 2008, "Color universal design", its black made grey.
_COLOURS = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
    (140, 140, 140),
)
_WRONG = (200, 0, 0)
# How much of a painted pixel is colour, the rest being photo.
_PAINT = 0.55


@dataclass(frozen=True)
class Mask(Target):
    """A column of masks: pictures as large as their photos, with a number for each pixel's class.

    Masks are PNG files and the like, grey or with a palette, or arrays `[height, width]` of whole numbers. They are
    drawn on the photo as it is seen upright.

    Args:
        column: The column's name; it holds paths, the bytes of files, or arrays.
        classes: The names of the classes. A list where the masks hold 0 for the first of them, 1 for the second and so
            on, else a dict from what the masks hold to the class's name; several numbers may have one name.
        ignore: What the masks hold where nobody knows the class: those pixels are neither learned from nor judged. A
            mask with any other number that has no class is left out. Nothing is ignored for `()`; 255 when left out,
            unless it is a class.

    Raises:
        ConfigError: If there are fewer than 2 or more than 255 classes, a number is negative, or stands for a class and
            is to be ignored.

    Example:
        >>> field = Mask("trimap", classes={1: "pet", 2: "background"}, ignore=3)
        >>> field.labels
        ('pet', 'background')
        >>> field.encode([np.array([[1, 2], [3, 1]])]).tolist()
        [[[0, 1], [255, 0]]]
    """

    column: str
    _: KW_ONLY
    classes: Mapping[int, str] | Sequence[str]
    ignore: int | Sequence[int] | None = None
    labels: tuple[str, ...] = field(init=False, repr=False, compare=False)
    kind: ClassVar[str] = "mask"
    package: ClassVar[str] = "headway.targets.mask"
    task: ClassVar[Task] = "segmentation"
    has_probabilities: ClassVar[bool] = True
    axes = ("classes", "height", "width")
    # Most masks hold most of the classes.
    strata_name: ClassVar[str] = ""
    needs_geometry: ClassVar[bool] = True
    media: ClassVar[Media | None] = Media(name="mask", media_type="image/png", suffix="png")
    runs_in_browser: ClassVar[bool] = True
    options: ClassVar[tuple[str, ...]] = ("classes", "ignore")
    folders: ClassVar[tuple[str, str] | None] = ("images", "masks")

    def __post_init__(self) -> None:
        names = _numbered(self.classes)
        ignored = _whole({UNLABELLED} - {*names} if self.ignore is None else self.ignore)
        labels = tuple(dict.fromkeys(names.values()))
        problems = []
        if isinstance(self.classes, str) or not 2 <= len(labels) <= UNLABELLED:
            problems.append(f"`classes` must name from 2 to {UNLABELLED} classes.")
        elif not isinstance(self.classes, Mapping) and len(labels) < len(names):
            problems.append("A list of `classes` must name each class once.")
        if set(names) & set(ignored) or min((*names, *ignored), default=0) < 0:
            problems.append("What masks hold must be numbers from 0, each for a class or to be ignored.")
        if problems:
            given = f"classes={self.classes!r}, ignore={self.ignore!r}"
            fix = 'For instance classes={1: "pet", 2: "background"}, ignore=3.'
            raise ConfigError(" ".join(problems), given=given, fix=fix)
        for name, value in (("classes", names), ("ignore", ignored), ("labels", labels)):
            object.__setattr__(self, name, value)

    def files(self, input: Input) -> MaskReader:
        """What reads the masks into the canvases that `input` makes of their photos; a ConfigError for other kinds."""
        if not isinstance(input, Image):
            what, fix = "Masks lie on pictures.", "Read the photos with Image."
            raise ConfigError(what, given=f"input={type(input).__name__}", fix=fix)
        return MaskReader(self, input)

    def encode(self, values: Sequence[Any]) -> np.ndarray:
        """Masks of one size as class indices, uint8 `[items, height, width]`, 255 where there is no label."""
        try:
            masks = [self.indices(stored_numbers(value)) for value in values]
        except ReadError as error:
            given, fix = f"column {self.column!r}: {error}", "Repair or remove that mask."
            raise DataError("A mask cannot be read.", given=given, fix=fix) from error
        sizes = sorted({mask.shape for mask in masks})
        if len(sizes) != 1:
            given = [f"{width} x {height}" for height, width in sizes[:5]]
            raise DataError("Masks must be of one size.", given=given, fix="Use `place` for those of photos.")
        return np.stack(masks)

    def place(self, items: pl.DataFrame, input: Input) -> np.ndarray:
        """The masks in the canvases that `input` makes of their photos, uint8 `[items, side, side]`."""
        reader = self.files(input)
        return np.stack([reader.canvas(pair) for pair in reader.pairs(items)])

    def view(self, targets: np.ndarray, input: Input) -> np.ndarray:
        return input.view(targets[..., None])[..., 0]

    def keep(self, outputs: np.ndarray) -> np.ndarray:
        """The class of each pixel, uint8 `[batch, height, width]`, from `[batch, classes, height, width]`."""
        return outputs.argmax(axis=1).astype(np.uint8)

    def has_different(self, items: pl.DataFrame) -> bool:
        """Taken as given: masks are files, which `check_encoded` looks at."""
        return True

    def check_encoded(self, data: Data) -> None:
        """Every class is in some of the training masks; classes that the user named may leave some out."""
        part, counts = data.train, np.zeros(256, dtype=np.int64)
        for start in range(0, len(part), _CHUNK):
            masks = part.placed_at(range(start, min(start + _CHUNK, len(part))))
            counts += np.bincount(masks.ravel(), minlength=256)
        missing = [label for label, count in zip(self.labels, counts, strict=False) if not count]
        if missing:
            given = f"{len(part)} training rows without any {', '.join(map(repr, missing[:10]))}; {self}"
            fix = "Correct the classes (`classes`, `ignore`), or leave those out."
            raise DataError("Some classes are in no training item.", given=given, fix=fix)

    def decode(self, scores: np.ndarray) -> Prediction:
        """The classes of an item's pixels, `value`, as indices, uint8 `[height, width]`.

        `probabilities` is each class's share of the pixels, and `label` the class with most of them; `score` is the
        probability of the pixels' own classes, on the average, where that is known.

        Args:
            scores: Their probabilities, float `[classes, height, width]`; or the classes, uint8 `[height, width]`.
        """
        is_map = scores.ndim == 2
        indices = scores if is_map else scores.argmax(axis=0).astype(np.uint8)
        shares = np.bincount(indices.ravel(), minlength=len(self.labels)) / indices.size
        ranked = {self.labels[index]: float(shares[index]) for index in np.argsort(-shares, kind="stable")}
        sure = None if is_map else float(scores.max(axis=0).mean())
        return Prediction(label=next(iter(ranked)), score=sure, probabilities=ranked, value=indices)

    def to_item(self, prediction: Prediction, geometry: CropBox) -> Prediction:
        """The same classes on the picture itself: `value` is uint8 of its size, 255 where the model saw nothing."""
        rows = _steps(geometry.height, geometry.top, geometry.bottom, len(prediction.value))
        columns = _steps(geometry.width, geometry.left, geometry.right, prediction.value.shape[1])
        mask = prediction.value[np.ix_(np.maximum(rows, 0), np.maximum(columns, 0))]
        mask[rows < 0] = UNLABELLED
        mask[:, columns < 0] = UNLABELLED
        return replace(prediction, value=mask)

    @property
    def colours(self) -> dict[str, tuple[int, int, int]]:
        """The colour of each class in a picture: red, green and blue, from 0 to 255."""
        colours = {}
        for index, label in enumerate(self.labels):
            # Beyond the first few, each round is darker than the last.
            shade = 0.7 ** (index // len(_COLOURS))
            red, green, blue = _COLOURS[index % len(_COLOURS)]
            colours[label] = (round(red * shade), round(green * shade), round(blue * shade))
        return colours

    def to_png(self, value: np.ndarray) -> bytes:
        """A mask as a PNG file with a palette, that `encode` reads back: its numbers are those of the training masks.

        Where one of these is over 255, which a palette does not hold, they are the classes' indices. What has no class
        is transparent. A mask comes as `Prediction.value` holds it.
        """
        from PIL import Image as PILImage

        numbers = {name: number for number, name in reversed(_numbered(self.classes).items())}
        table = np.array([numbers[name] for name in self.labels])
        if table.max() > UNLABELLED:
            table = np.arange(len(table))
        spare = (*_whole(self.ignore), *range(UNLABELLED, -1, -1))
        nothing = next(number for number in spare if number <= UNLABELLED and number not in table)
        stored = np.full(256, nothing, dtype=np.uint8)
        stored[: len(table)] = table
        palette = np.zeros((256, 3), dtype=np.uint8)
        palette[table] = list(self.colours.values())
        image = PILImage.fromarray(stored[value])
        image.putpalette(palette.tobytes())
        file = io.BytesIO()
        image.save(file, "PNG", transparency=nothing, optimize=False)
        return file.getvalue()

    @classmethod
    def parse_options(cls, options: Mapping[str, str]) -> dict[str, Any]:
        """Classes as "1=pet,2=background", or as "background,pet" from 0 on; numbers to ignore as "0,255"."""
        arguments: dict[str, Any] = {}
        if "classes" in options:
            arguments["classes"] = _parsed_classes(options["classes"])
        if "ignore" in options:
            numbers = [number.strip() for number in options["ignore"].split(",") if options["ignore"] != "none"]
            if not all(map(str.isdecimal, numbers)):
                what = "`--ignore` must be numbers that masks hold, or none."
                raise ConfigError(what, given=repr(options["ignore"]), fix="Write it as --ignore 0,255.")
            arguments["ignore"] = list(map(int, numbers))
        return arguments

    @classmethod
    def from_options(cls, column: str, options: Mapping[str, str], values: Callable[[], Sequence[Any]]) -> Self:
        """Classes that are not named are those that the masks hold, called by their numbers."""
        from headway.targets.mask.folder import found_classes

        arguments = cls.parse_options(options)
        if "classes" not in arguments:
            masks = (value for value in values() if value is not None)
            arguments["classes"] = found_classes(masks, ignore=arguments.get("ignore"))
        return cls(column, **arguments)

    @classmethod
    def list_folder(cls, path: str | os.PathLike[str], items: str, answers: str) -> pl.DataFrame:
        from headway.targets.mask.folder import list_masks

        return list_masks(path, photos=items, masks=answers)

    def to_media(self, prediction: Prediction) -> bytes:
        return self.to_png(prediction.value)

    def summary(self) -> str:
        return f"Classes of pixels: {listed(self.labels)}."

    def question(self, noun: str) -> str:
        return f"What is where in the {noun}?"

    def page_facts(self, input: Input) -> dict[str, Any]:
        return {**super().page_facts(input), "colours": self.colours}

    def statistics(self, prediction: Prediction) -> dict[str, Any]:
        return {"shares": {name: round(share, 5) for name, share in prediction.probabilities.items()}}

    def moved(self, targets: torch.Tensor, matrices: Callable[[], torch.Tensor], size: int) -> torch.Tensor:
        from headway.targets.mask.objective import moved

        return moved(targets, matrices(), size)

    def draw(self, axes: Axes, value: Any, target: np.ndarray) -> None:
        """The classes in colours, laid over the photo."""
        axes.imshow(np.ma.masked_equal(target, UNLABELLED), cmap="tab20", vmin=0, vmax=19, alpha=0.5)

    def overlays(self, photo: np.ndarray, prediction: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
        """The truth, the prediction and its errors, each laid over the photo."""
        colours = list(self.colours.values())
        wrong = np.where((prediction != target) & (target != UNLABELLED), 0, UNLABELLED)
        return {
            "truth": painted(photo, target, colours),
            "prediction": painted(photo, prediction, colours),
            "errors": painted(photo, wrong, [_WRONG]),
        }

    def legend(self) -> str:
        marks = [
            '<li><svg width="14" height="14" aria-hidden="true"><rect width="14" height="14" rx="3" '
            f'fill="rgb{colour}"/></svg> {escape(name)}</li>'
            for name, colour in self.colours.items()
        ]
        return f'<ul class="colours">{"".join(marks)}</ul>'

    @classmethod
    def of_arrays(cls, predictions: np.ndarray, targets: np.ndarray, labels: Sequence[str] | None) -> Self:
        """Classes without names are called by their indices."""
        known = targets[targets != UNLABELLED]
        count = predictions.shape[1] if predictions.ndim == 4 else 1 + max(int(known.max(initial=1)), 1)
        return cls("target", classes=list(labels or map(str, range(count))))

    def to_json(self) -> dict[str, Any]:
        pairs = [[number, name] for number, name in _numbered(self.classes).items()]
        return {"kind": "mask", "column": self.column, "classes": pairs, "ignore": list(_whole(self.ignore))}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        classes = {int(number): str(name) for number, name in values["classes"]}
        return cls(str(values["column"]), classes=classes, ignore=list(map(int, values["ignore"])))

    def indices(self, stored: np.ndarray) -> np.ndarray:
        """What a mask holds as class indices, uint8, 255 where there is no label; a ReadError for strange numbers."""
        indices = np.full(stored.shape, UNLABELLED, dtype=np.uint8)
        known = np.isin(stored, _whole(self.ignore))
        for number, name in _numbered(self.classes).items():
            here = stored == number
            indices[here] = self.labels.index(name)
            known |= here
        if not known.all():
            strange = ", ".join(map(str, np.unique(stored[~known])[:5].tolist()))
            message = f"a mask with numbers that are neither a class nor ignored: {strange}"
            raise ReadError(message)
        return indices


@dataclass(frozen=True)
class MaskReader:
    """Reads masks with the geometry of their photos."""

    mask: Mask
    photo: Image
    dtype = np.uint8
    axes = ("height", "width")

    def canvas(self, value: Any) -> np.ndarray:
        """A mask, given with its photo, in the photo's canvas, uint8 `[side, side]`, as `Mask.indices` has it."""
        mask, photo = value
        crop = self.photo.frame(photo)
        try:
            stored = stored_numbers(mask)
        except ReadError as error:
            message = f"its mask: {error}"
            raise ReadError(message) from error
        height, width = stored.shape
        if (width, height) != (crop.width, crop.height):
            sizes = f"{width} x {height} pixels, its photo {crop.width} x {crop.height}"
            message = f"a mask of another size than its photo: {sizes}"
            raise ReadError(message)
        rows = _sampled(height, crop.top, crop.bottom, self.photo.side)
        columns = _sampled(width, crop.left, crop.right, self.photo.side)
        return self.mask.indices(stored[np.ix_(rows, columns)])

    def pairs(self, items: pl.DataFrame) -> list[tuple[Any, Any]]:
        """What `canvas` takes, for each item."""
        return list(zip(self.mask.values(items), items[self.photo.column].to_list(), strict=True))

    def to_json(self) -> dict[str, Any]:
        """What the canvases depend on."""
        return {"mask": self.mask.to_json(), "photo": self.photo.to_json()}


def painted(photo: np.ndarray, mask: np.ndarray, colours: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """A photo with its classes laid over it in their colours, uint8 `[height, width, 3]`; 255 is left as it is.

    Example:
        >>> painted(np.zeros((1, 2, 1), np.uint8), np.array([[0, 255]]), [(200, 100, 0)]).tolist()
        [[[110, 55, 0], [0, 0, 0]]]
    """
    # In grey, so that the photo's own colours are not taken for those of classes.
    grey = np.broadcast_to(photo.mean(axis=2, keepdims=True), (*photo.shape[:2], 3)).copy()
    for index, colour in enumerate(colours):
        here = mask == index
        grey[here] = (1 - _PAINT) * grey[here] + _PAINT * np.array(colour)
    return grey.round().astype(np.uint8)


def _parsed_classes(text: str) -> dict[int, str] | list[str]:
    names = [name.strip() for name in text.split(",")]
    pairs = [re.fullmatch(r"(\d+)\s*=\s*(.+)", name) for name in names]
    if all(pairs):
        return {int(pair[1]): pair[2] for pair in pairs if pair}
    if any(pairs) or not all(names):
        what = "`--classes` must be names by number, or names alone."
        fix = 'Write it as --classes "1=pet,2=background", or "background,pet" where masks hold 0 and 1.'
        raise ConfigError(what, given=repr(text), fix=fix)
    return names


def _numbered(classes: Mapping[int, str] | Sequence[str]) -> dict[int, str]:
    """The class of each number."""
    pairs = classes.items() if isinstance(classes, Mapping) else enumerate(classes)
    return {int(number): str(name) for number, name in pairs}


def _whole(ignore: int | Iterable[int] | None) -> tuple[int, ...]:
    if ignore is None:
        return ()
    return tuple(map(int, ignore)) if isinstance(ignore, Iterable) else (int(ignore),)


def stored_numbers(value: Any) -> np.ndarray:
    """The numbers of a mask, whole `[height, width]`, from a path, bytes or an array; a ReadError if it is none."""
    if isinstance(value, (list, np.ndarray)):
        numbers = np.asarray(value)
        if numbers.ndim != 2 or numbers.dtype.kind not in "biu" or not numbers.size:
            given = f"{numbers.dtype} {list(numbers.shape)}"
            message = f"no mask: an array must be [height, width] of whole numbers, not {given}"
            raise ReadError(message)
    else:
        image = open_upright(value)
        if image.format == "JPEG":
            message = "no mask: JPEG changes numbers; PNG keeps them"
            raise ReadError(message)
        if image.mode not in ("1", "L", "P", "I", "I;16"):
            message = f"no mask: it must hold one number a pixel, and is {image.mode}"
            raise ReadError(message)
        numbers = np.asarray(image)
    # Of two classes, true and false are 1 and 0.
    return numbers.astype(np.uint8) if numbers.dtype == bool else numbers


def _sampled(length: int, start: float, end: float, count: int) -> np.ndarray:
    """The pixels that lie under the middles of `count` equal steps from `start` to `end`."""
    middles = start + (np.arange(count) + 0.5) * ((end - start) / count)
    return np.clip(np.floor(middles).astype(np.int64), 0, length - 1)


def _steps(length: int, start: float, end: float, count: int) -> np.ndarray:
    """Which of `count` equal steps from `start` to `end` each pixel's middle lies in; -1 for none."""
    steps = np.floor((np.arange(length) + 0.5 - start) * (count / (end - start))).astype(np.int64)
    return np.where((steps >= 0) & (steps < count), steps, -1)
