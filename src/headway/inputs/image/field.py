"""A photo or drawing, read with Pillow and brought to one size: the same code while training and while serving."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from headway.errors import ConfigError, ReadError
from headway.inputs.base import Input, values_of
from headway.inputs.image.arrays import pictures_of
from headway.inputs.image.geometry import CropBox
from headway.inputs.image.scientific import decode
from headway.inputs.image.statistics import image_statistics
from headway.inputs.image.value_range import fitted_range, is_deep, to_8_bits
from headway.system.files import RefusedFileError, read_file

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.axes import Axes
    from PIL import Image as PILImage
    from torch import nn

    from headway.data.dataset import Part
    from headway.inputs.training_view import TrainingView
    from headway.judge.diagnosis.item_audit import ItemAudit
    from headway.judge.report.report import Picture, Report
    from headway.targets.base import Target
    from headway.train.model import Model
    from headway.train.stage import Setup

__all__ = ["MAX_PIXELS", "Image", "open_upright"]

# 300 MB once decoded, in colour.
MAX_PIXELS = 100_000_000

# What whole numbers and decimals of a single picture are taken for, where nothing is known of its set.
_DEFAULT_RANGES = {"I": (0.0, 65535.0), "F": (0.0, 1.0)}

# In the `info` of Pillow's images.
_NOTE = "headway note"


@dataclass(frozen=True)
class Image(Input):
    """A column of images: paths, the bytes of image files, arrays or PIL images.

    A photo is squeezed into a square, up to a limit beyond which its ends are cut off: so little or nothing is lost,
    and nothing is much out of shape. Training cuts its random crops from this canvas, `[side, side, channels]`;
    validation and serving see its centre, `[size, size, channels]`.
    EXIF rotation is applied, transparency is laid on white, and of an animation the first frame counts. Pictures of
    other than 8 bits are scaled to 8 bits, all of them by the same range of values.

    Args:
        column: The column's name.
        size: Side of the square that the model sees, in pixels, from 8 to 2048.
        channels: 3 for colour, 1 for grey.
        squeeze: How much the longer side is squeezed at most, from 1 (the middle square is cut out as it is) to 100.
        crop: Share of the canvas's side that the model sees, from 0.25 to 1. With 1 the canvas is just `size`.
        value_range: The values that become black and white, in files of other than 8 bits and in arrays that are not
            uint8, such as (0, 4095) for 12 bits. Left out, `fit` finds it where the training rows have such pictures.

    Raises:
        ConfigError: If an argument is out of its range.

    Example:
        >>> field = Image("file", size=32, crop=0.875)
        >>> photo = np.zeros((48, 64, 3), dtype=np.uint8)
        >>> field.canvas(photo).shape, field.read(photo).shape
        ((37, 37, 3), (32, 32, 3))
    """

    column: str
    size: int = 224
    _: KW_ONLY
    channels: int = 3
    squeeze: float = 1.25
    crop: float = 1.0
    value_range: tuple[float, float] | None = field(default=None, repr=False)
    noun: ClassVar[str] = "picture"
    nouns: ClassVar[str] = "pictures"
    axes = ("height", "width", "channels")
    beside: ClassVar[tuple[str, ...]] = (".xml", ".txt", ".json", ".csv", ".md", ".yaml", ".yml")

    def __post_init__(self) -> None:
        if not isinstance(self.size, int):
            what = "`size` must be a whole number, the side of a square in pixels."
            raise ConfigError(what, given=repr(self.size), fix="Pass one number, such as size=224.")
        is_right = {
            "`size` must lie between 8 and 2048 pixels.": 8 <= self.size <= 2048,
            "`channels` must be 1 (grey) or 3 (colour).": self.channels in (1, 3),
            "`crop` must lie between 0.25 and 1.": 0.25 <= self.crop <= 1,
            "`squeeze` must lie between 1 and 100.": 1 <= self.squeeze <= 100,
        }
        problems = [problem for problem, is_met in is_right.items() if not is_met]
        if problems:
            given = f"size={self.size}, channels={self.channels}, squeeze={self.squeeze}, crop={self.crop}"
            raise ConfigError(" ".join(problems), given=given, fix="Leave them out, or correct the call.")
        if self.value_range is not None and not -math.inf < self.value_range[0] < self.value_range[1] < math.inf:
            what = "`value_range` must be two numbers, the lower one first."
            raise ConfigError(what, given=repr(self.value_range), fix="Leave it out, or pass it as (0, 4095).")

    @property
    def side(self) -> int:
        """The canvas's side in pixels."""
        return round(self.size / self.crop)

    @property
    def _mode(self) -> str:
        return "L" if self.channels == 1 else "RGB"

    @property
    def window(self) -> CropBox:
        """What part of a canvas `view` gives, in pixels of the canvas."""
        # Whole pixels: the centre of an odd remainder lies half a pixel further to the left and up.
        start = (self.side - self.size) // 2
        end = start + self.size
        return CropBox(self.side, self.side, start, start, end, end)

    def fit(self, rows: pl.DataFrame) -> Self:
        """A copy that knows the range of their values, where the pictures have other than 8 bits; else itself."""
        if self.value_range is not None:
            return self
        value_range = fitted_range(rows[self.column].to_list(), self._open)
        # The same object where nothing was learned, by which it is seen that files need not be read again.
        return replace(self, value_range=value_range) if value_range else self

    @property
    def runs_in_browser(self) -> bool:
        """Whether a browser reads pictures as `read` does: it knows 8 bits, and the whole of 16."""
        return self.value_range in (None, _DEFAULT_RANGES["I"])

    def describe(self) -> list[str]:
        colours = {1: "grey", 3: "in colour"}.get(self.channels, f"{self.channels} channels")
        lines = [f"in:  {self.nouns} of {self.column!r}, {self.size} x {self.size} pixels, {colours}"]
        if self.value_range:
            low, high = self.value_range
            lines.append(f"     not of 8 bits: values from {low:g} to {high:g} become 0 to 255, in all pictures alike")
        return lines

    def read(self, value: Any) -> np.ndarray:
        return self.view(self.canvas(value))

    @classmethod
    def from_arrays(
        cls, items: Any, *, size: int | None, channels: Literal["first", "last"] | None
    ) -> tuple[dict[str, Any], Self] | None:
        recognised = pictures_of(items, channels=channels)
        if recognised is None:
            return None
        pictures, side, depth = recognised
        return {"image": pictures}, cls("image", size or min(max(side, 8), 224), channels=depth)

    @classmethod
    def recognise(cls, columns: Sequence[str], items: Callable[[], pl.DataFrame], *, size: int) -> Self | None:
        """Any one column."""
        return cls(columns[0], size) if len(columns) == 1 else None

    def canvas(self, value: Any) -> np.ndarray:
        """The image as a square, uint8 `[side, side, channels]`.

        Args:
            value: A path, the bytes of an image file, a binary file object, a PIL image, or an array: uint8 (or
                uint16, or float from 0 to 1; any numbers where there is a `value_range`) `[height, width]` or
                `[height, width, 1, 3 or 4]`.

        Raises:
            ReadError: If it cannot be read or is over 100 megapixels; the text is one line.
        """
        return self._canvas_noted(value)[0]

    def _canvas_noted(self, value: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        with _explained():
            # With a draft a JPEG is decoded at a half, a quarter or an eighth of its size, which is most of the time of
            # reading one.
            image = self._open(value, draft=(self._mode, self.side))
            note = image.info.get(_NOTE)
            return self._square(image), (note,) if note else ()

    def view(self, canvas: np.ndarray) -> np.ndarray:
        """The centre of a canvas `[side, side, channels]`, or of a batch of them `[batch, side, side, channels]`."""
        inside = slice(self.window.left, self.window.right)
        return canvas[..., inside, inside, :]

    def frame(self, value: Any) -> CropBox:
        """What part of a picture its canvas shows; of a JPEG file only the header is read."""
        with _explained():
            width, height = _upright_size(self._open(value))
        return self.frame_of(width, height)

    def frame_of(self, width: int, height: int) -> CropBox:
        """What part its canvas shows of a picture of this size, in pixels, as it is seen upright."""
        wide, high = min(width, self.squeeze * height), min(height, self.squeeze * width)
        left, top = (width - wide) / 2, (height - high) / 2
        return CropBox(width, height, left, top, left + wide, top + high)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of what the model sees."""
        return (self.size, self.size, self.channels)

    def geometry(self, value: Any) -> CropBox:
        """What part of a picture the model sees."""
        return self.frame(value).part(self.window)

    def notes(self, value: Any) -> tuple[str, ...]:
        """Which frame of a scanner's file is read, where it has several."""
        return self.read_noted(value)[1]

    def read_noted(self, value: Any) -> tuple[np.ndarray, tuple[str, ...]]:
        # A scanner's file takes long to decode, so it is decoded once for both.
        canvas, notes = self._canvas_noted(value)
        return self.view(canvas), notes

    def items_of(self, table: pl.DataFrame) -> tuple[Self, pl.DataFrame, tuple[str, ...]]:
        """The rows; where files are DICOM, with what their headers say as columns "patient", "site" and so on."""
        from headway.inputs.image.dicom import with_headers

        return self, *with_headers(table, self.column)

    def remarks(self, items: pl.DataFrame) -> list[str]:
        from headway.inputs.image.dicom import proposals

        return proposals(items, self.column)

    def question(self, target: Target) -> str:
        return target.question(self.noun) or super().question(target)

    def statistics(self, array: np.ndarray) -> dict[str, float]:
        return image_statistics(array)

    def server_reader(self, predictor: Any, settings: Any) -> Any:
        from headway.inputs.image.server import PictureReader

        return PictureReader(predictor, settings)

    def thumbnail(self, image: np.ndarray, side: int) -> np.ndarray:
        """An image `[height, width, channels]` shrunk by averaging, uint8 `[side, side, channels]`."""
        from PIL import Image as PILImage

        small = _from_array(image).resize((side, side), PILImage.Resampling.BOX)
        return np.asarray(small, dtype=np.uint8).reshape(side, side, -1)

    @classmethod
    def architectures(cls) -> list[str]:
        from headway.inputs.image.models import architectures

        return architectures()

    @classmethod
    def has_architecture(cls, name: str) -> bool:
        from headway.inputs.image.models import is_known

        return is_known(name)

    def build_model(self, arch: str | None, target: Target, *, pretrained: bool) -> Model:
        from headway.inputs.image.models import build

        return build(arch, self, target, pretrained=pretrained)

    def own_prepare(self) -> nn.Module:
        from headway.inputs.image.networks import Prepare

        return Prepare((0.0,) * self.channels, (255.0,) * self.channels)

    def training_view(self, target: Target, augment: Any = None) -> TrainingView:
        """Crops, flips and the like. Default: `augment` is an `Augment` or its arguments, mild."""
        from headway.inputs.image.training_view import PhotoView

        return PhotoView(self, target, augment)

    tries: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "underfitting": ("a pretrained architecture", "less augmentation", "larger images"),
        "overfitting": ("more augmentation", "a pretrained architecture"),
        "overconfidence": ("more augmentation",),
        "confused_pair": ("larger images, where the difference is small",),
    }

    def baseline_arrays(self, part: Part, *, seed: int) -> tuple[Part, dict[str, np.ndarray], dict[str, Any]]:
        """Small images as "pixels", float32 `[items, dim]` from 0 to 1."""
        from headway.inputs.image.baselines import baseline_part

        part, pixels = baseline_part(self, part, seed=seed)
        return part, {"pixels": pixels}, {}

    def near_copies(self, part: Part) -> Sequence[tuple[int, int]]:
        from headway.inputs.image.near_copies import SIDE, find_copies

        side, blocks = min(self.side, SIDE), np.array_split(np.arange(len(part)), -(-len(part) // 256))
        # One block after the other: all of the canvases would fill the memory.
        views = (self.thumbnail(canvas, side) for block in blocks for canvas in part.canvases(block))
        return find_copies(np.stack([view.mean(axis=-1).astype(np.float32) for view in views])) if len(part) else ()

    def audit(self, part: Part) -> ItemAudit:
        from headway.inputs.image.audit import PhotoAudit

        return PhotoAudit(part)

    def explorers(self, setup: Setup) -> dict[str, Any]:
        from headway.inputs.image.evidence import explain

        return {"explain": partial(explain, setup)}

    def report_pictures(self, setup: Setup, report: Report) -> dict[int, Picture]:
        from headway.inputs.image.grad_cam import report_pictures

        return report_pictures(setup, report)

    def draw(self, axes: Axes, value: Any) -> None:
        image = self.read(value)
        axes.imshow(image.squeeze(-1) if self.channels == 1 else image, cmap="gray", vmin=0, vmax=255)

    def to_json(self) -> dict[str, Any]:
        values = {"kind": "image", **asdict(self)}
        low_high = values.pop("value_range")
        return {**values, "value_range": list(low_high)} if low_high else values

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        known = values_of(cls, {"value_range": None, **values})
        low_high = known.pop("value_range")
        if low_high is None:
            return cls(**known)
        low, high = low_high
        return cls(**known, value_range=(float(low), float(high)))

    def _open(self, value: Any, *, draft: tuple[str, int] | None = None) -> PILImage.Image:
        return _open(value, draft=draft, value_range=self.value_range)

    def _square(self, image: PILImage.Image) -> np.ndarray:
        from PIL import Image as PILImage

        image = _to_mode(_upright(image), self._mode, self.value_range)
        if image.size != (self.side, self.side):
            crop = self.frame_of(image.width, image.height)
            # Cut and resized in one step: edges may lie between pixels.
            box = (crop.left, crop.top, crop.right, crop.bottom)
            image = image.resize((self.side, self.side), PILImage.Resampling.BICUBIC, box=box)
        return np.asarray(image, dtype=np.uint8).reshape(self.side, self.side, self.channels)


def open_upright(value: Any) -> PILImage.Image:
    """A picture, as `Image.canvas` takes it, with its pixels as they are stored, turned as its EXIF says."""
    with _explained():
        return _upright(_open(value, draft=None))


@contextmanager
def _explained() -> Iterator[None]:
    """A context in which whatever Pillow raises is a ReadError that says why."""
    try:
        yield
    except ReadError:
        raise
    # Pillow's plugins raise whatever their parsers trip over: SyntaxError, struct.error, EOFError and others.
    except Exception as error:
        raise ReadError(_reason(error)) from error


def _open(
    value: Any, *, draft: tuple[str, int] | None, value_range: tuple[float, float] | None = None
) -> PILImage.Image:
    from PIL import Image as PILImage

    if isinstance(value, PILImage.Image):
        return _checked(value)
    if isinstance(value, np.ndarray):
        return _checked(_from_array(value, value_range))
    if isinstance(value, (str, os.PathLike)):
        # Read whole first: Pillow would keep the file open and seek about in it.
        value = read_file(value)
    elif hasattr(value, "read"):
        value = value.read()
    if not isinstance(value, (bytes, bytearray, memoryview)):
        message = f"not an image: expected a path, bytes, an array or a PIL image, not {type(value).__name__}"
        raise ReadError(message)
    if not len(value):
        message = "empty: 0 bytes"
        raise ReadError(message)
    if (decoded := decode(bytes(value))) is not None:
        image = _checked(_from_array(decoded.values, value_range or decoded.value_range))
        image.info[_NOTE] = decoded.note
        return image
    image = _checked(PILImage.open(io.BytesIO(value)))
    if draft is not None:
        # A JPEG is decoded at 1/2, 1/4 or 1/8 where that still covers the canvas: several times faster.
        mode, side = draft
        image.draft(mode, (side, side))
    return image


def _checked(image: PILImage.Image) -> PILImage.Image:
    width, height = image.size
    if width * height > MAX_PIXELS:
        megapixels = f"{width * height / 1e6:.0f} megapixels"
        message = f"too large: {width} x {height} is {megapixels}, the limit is {MAX_PIXELS // 10**6}"
        raise ReadError(message)
    if min(width, height) == 0:
        message = f"empty: {width} x {height} pixels"
        raise ReadError(message)
    return image


def _from_array(array: np.ndarray, value_range: tuple[float, float] | None = None) -> PILImage.Image:
    from PIL import Image as PILImage

    shape = array.shape
    if array.ndim not in (2, 3) or (array.ndim == 3 and shape[2] not in (1, 3, 4)):
        message = f"not an image: an array must be [height, width] or [height, width, 1, 3 or 4], not {list(shape)}"
        raise ReadError(message)
    if not array.size:
        message = f"empty: {shape[1]} x {shape[0]} pixels"
        raise ReadError(message)
    if array.dtype == np.uint16 or (value_range and array.dtype != np.uint8 and array.dtype.kind in "iuf"):
        array = to_8_bits(array, value_range or _DEFAULT_RANGES["I"])
    elif np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            message = "not an image: a float array must lie between 0 and 1"
            raise ReadError(message)
        # Rounded, not cut off, so that a picture goes through floats and back unchanged.
        array = np.round(array * 255).astype(np.uint8)
    elif array.dtype != np.uint8:
        message = f"not an image: an array must be uint8, uint16 or float, not {array.dtype}"
        raise ReadError(message)
    return PILImage.fromarray(array[..., 0] if array.ndim == 3 and shape[2] == 1 else array)


def _upright(image: PILImage.Image) -> PILImage.Image:
    """The image turned as its EXIF says."""
    from PIL import Image as PILImage

    # Pillow's own `exif_transpose` also writes the other tags anew, which fails where these are not as they should be.
    turn = PILImage.Transpose
    # What undoes each of EXIF's orientations, from 2 on; 1 is upright.
    first_four = (turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM, turn.TRANSPOSE)
    turns = dict(enumerate((*first_four, turn.ROTATE_270, turn.TRANSVERSE, turn.ROTATE_90), start=2))
    image.load()  # some formats are turned by this, and say no more of it then
    orientation = _orientation(image)
    return image.transpose(turns[orientation]) if orientation in turns else image


def _upright_size(image: PILImage.Image) -> tuple[int, int]:
    """Width and height as `_upright` gives them."""
    if image.format not in ("JPEG", "MPO"):
        # Others may say only behind the pixels how they are turned.
        image.load()
    is_turned = _orientation(image) in (5, 6, 7, 8)
    return (image.height, image.width) if is_turned else (image.width, image.height)


def _orientation(image: PILImage.Image) -> int | None:
    from PIL import ExifTags

    try:
        return image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # Pillow raises whatever its parser trips over; the pixels are there all the same.
        return None


def _to_mode(image: PILImage.Image, mode: str, value_range: tuple[float, float] | None) -> PILImage.Image:
    """Any of Pillow's modes as "L" or "RGB", transparency laid on white; deeper ones scaled by `value_range`."""
    from PIL import Image as PILImage

    if image.mode in ("LAB", "La"):  # Pillow takes these two no further than this in one step.
        image = image.convert("RGB" if image.mode == "LAB" else "LA")
    if is_deep(image.mode):
        image = PILImage.fromarray(to_8_bits(np.asarray(image), value_range or _DEFAULT_RANGES[image.mode[0]]))
    if image.has_transparency_data:
        # On white, as pages and papers show what is transparent; its hidden colours may be anything.
        rgba = image.convert("RGBA")
        image = PILImage.alpha_composite(PILImage.new("RGBA", rgba.size, "white"), rgba)
    return image if image.mode == mode else image.convert(mode)


def _reason(error: Exception) -> str:
    from PIL import Image as PILImage
    from PIL import UnidentifiedImageError

    reasons: dict[type[Exception], str] = {
        FileNotFoundError: "no such file",
        IsADirectoryError: "a folder, not a file",
        PermissionError: "no permission to read it",
        PILImage.DecompressionBombError: f"too large: over {MAX_PIXELS // 10**6} megapixels",
        UnidentifiedImageError: "not an image that Pillow can read",
    }
    for kind, reason in reasons.items():
        if isinstance(error, kind):
            return reason
    if isinstance(error, RefusedFileError):
        return str(error)
    return f"damaged: {' '.join(str(error).split()) or type(error).__name__}"
