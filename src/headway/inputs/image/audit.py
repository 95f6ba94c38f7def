"""What an audit asks of photos: how their files were made, what they look like, and pixels that tell the label."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, reduce
from itertools import product
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl

from headway.inputs.image.grad_cam import jpeg
from headway.judge.diagnosis.finding import DROP, Finding, Severity
from headway.judge.diagnosis.item_audit import ItemAudit
from headway.judge.intervals import wilson
from headway.judge.report.report import Picture
from headway.seeds import generator
from headway.system.files import read_file

if TYPE_CHECKING:
    from headway.inputs.image.field import Image

__all__ = ["PhotoAudit"]

_BLOCK = 64
# Pictures of fewer pixels than this to a side are drawings, such as digits: dark and without sharpness by nature.
_PHOTO = 64
# Mean grey of a picture in which nothing can be seen, and spread of one in which nothing is.
_DARK, _EMPTY = 16.0, 4.0
# A photo is blurred where its sharpness is so many deviations below the usual, on a scale of logarithms.
_BLURRED = 4.0
# A file with fewer pixels to a side than this share of what the model sees was enlarged.
_TINY = 0.25
# The grey of what a JPEG's decoder does not have, and the share of a photo's rows.
_GREY, _LOST = 128, 0.1
_MANY = 0.01
_SHOWN = 200
# Share of a pixel's variance that the class explains, next to its neighbours; how far above other pixels'; and how many
# pixels at most are that strange. Of photos and of digits as they are none was above.
_STRAY, _STRAY_OVER, _STRAY_PIXELS = 0.2, 6.0, 60
# A larger mark, such as a name in a corner: at most so many of the pixels, in so much of the picture; the share of all
# pixels that other pixels explain less than is taken beside it.
_MARK_PIXELS, _MARK_AREA, _USUAL = 0.05, 0.15, 0.95
_FEWEST, _FEWEST_OF_CLASS, _MOST_CLASSES = 50, 5, 100
# Pixels of a photo's corners, and photos whose corners are looked at: they are decoded once more, as a whole.
_CORNER, _CORNERS = 48, 300
# Photos of one camera within so many seconds are a burst.
_BURST_SECONDS = 10
_MAKE, _MODEL, _SOFTWARE, _TIME, _EXIF, _PLACE = 271, 272, 305, 36867, 34665, 34853
_KNOWN = (_MAKE, _MODEL, _SOFTWARE, 306, _EXIF, _PLACE)
_MOST_REMARKS, _REMARK = 40, 200
_SIDE = 160


@dataclass(frozen=True)
class PhotoAudit(ItemAudit):
    """Photos, their files' headers and their pixels."""

    usual: ClassVar[frozenset[str]] = frozenset(
        {"the mean colour", "the border", "the size in pixels", "sharpness, contrast and colourfulness"}
    )

    @property
    def _reader(self) -> Image:
        from headway.inputs.image.field import Image

        reader = self.part.data.input
        assert isinstance(reader, Image)
        return reader

    @cached_property
    def _headers(self) -> list[dict[str, Any]]:
        return list(map(_header, self.part.items[self.part.data.input.column].to_list()))

    @cached_property
    def _looks(self) -> pl.DataFrame:
        """What each canvas looks like: mean colour, border, spread and sharpness."""
        looks = [_look(canvas) for block in self._blocks() for canvas in block]
        return pl.DataFrame(looks)

    def _blocks(self) -> Iterator[np.ndarray]:
        positions = np.arange(len(self.part))
        return (self.part.canvases(positions[start : start + _BLOCK]) for start in range(0, len(positions), _BLOCK))

    def incidental(self) -> Mapping[str, pl.DataFrame]:
        headers, looks = pl.DataFrame(self._headers, infer_schema_length=None), self._looks
        return {
            "the form of the file": headers.select("format", "mode", "quality"),
            "the size in pixels": headers.select("width", "height"),
            "the camera and software in EXIF": headers.select("camera", "software"),
            "the time and place in EXIF": headers.select(
                pl.col("time").map_elements(_moment, return_dtype=pl.Float64), "place"
            ),
            "the remarks in the file": _remarks(self._headers),
            "the mean colour": looks.select(pl.col("^mean_.*$")),
            "the border": looks.select(pl.col("^border_.*$")),
            "sharpness, contrast and colourfulness": looks.select("sharpness", "spread", "colourfulness"),
        }

    def groups(self) -> pl.DataFrame:
        return pl.DataFrame(
            {"the camera in EXIF": [header["camera"] for header in self._headers], "bursts": _bursts(self._headers)},
            schema={"the camera in EXIF": pl.String, "bursts": pl.String},
        )

    def findings(self) -> list[Finding]:
        side = min(self._reader.size, self._reader.side)
        findings = self._stray_pixels()
        if side < _PHOTO:
            return findings
        looks = self._looks
        sharpness = np.log(looks["sharpness"].to_numpy() + 1e-3)
        middle = float(np.median(sharpness))
        spread = max(1.4826 * float(np.median(np.abs(sharpness - middle))), 0.1)
        shortest = np.array(
            [min(header["width"] or math.inf, header["height"] or math.inf) for header in self._headers]
        )
        is_dark = looks["brightness"].to_numpy() < _DARK
        is_empty = (looks["spread"].to_numpy() < _EMPTY) & ~is_dark
        poor = {
            "empty": (is_empty, "Nearly the same colour everywhere"),
            "dark": (is_dark, "Nearly black"),
            "blurred": (
                (sharpness < middle - _BLURRED * spread) & ~is_empty & ~is_dark,
                "Far less sharp than the others",
            ),
            "cut off": (looks["lost"].to_numpy() > _LOST, "The lower part is grey, as in a file that was cut off"),
            "tiny": (shortest < _TINY * side, f"Fewer than {_TINY * side:.0f} pixels to a side"),
        }
        return findings + [self._poor(name, is_poor, words) for name, (is_poor, words) in poor.items() if is_poor.any()]

    def _poor(self, name: str, is_poor: np.ndarray, words: str) -> Finding:
        share = wilson(int(is_poor.sum()), len(is_poor))
        severity: Severity = "warning" if share.low > _MANY else "note"
        sentence = f"{words}: {int(is_poor.sum()):,} of {len(is_poor):,} photos ({share.value:.1%})."
        evidence = {"how": name, "share": share.to_json(), "rows": self.part.rows[is_poor].tolist()[:_SHOWN]}
        remedies = ("look through them, and drop those that show nothing: headway clean DATA",)
        # What is less sharp than the others depends on the others.
        line = replace(DROP, solves=name != "blurred" and int(is_poor.sum()) <= _SHOWN)
        return Finding("poor_items", severity, sentence, evidence, remedies, line)

    def _stray_pixels(self) -> list[Finding]:
        """A few pixels that go with the class and not with what is around them, such as a mark in a corner."""
        target = self.part.data.target
        if not target.is_one_class or len(self.part) < _FEWEST or len(target.labels) > _MOST_CLASSES:
            return []
        finding = self._stray(self._blocks(), self.part.targets, "of a photo as the model reads it")
        if finding is None:
            # Photos of several sizes: a mark a few pixels from a corner is nowhere the same once they are resized.
            drawn = np.sort(generator(0, "order").permutation(len(self.part))[:_CORNERS])
            corners = (
                np.stack(list(map(self._corners, block))) for block in np.array_split(drawn, -(-len(drawn) // _BLOCK))
            )
            where = f"of the four corners of the photos, {_CORNER} pixels each"
            finding = self._stray(corners, self.part.targets[drawn], where)
        return [finding] if finding is not None else []

    def _corners(self, position: int) -> np.ndarray:
        """The four corners of a photo as its file has them, side by side as a square."""
        from headway.inputs.image.field import open_upright

        image = np.asarray(open_upright(self.part.items[self._reader.column][int(position)]).convert("RGB"))
        half = [min(_CORNER, side // 2) for side in image.shape[:2]]
        square = np.zeros((2 * _CORNER, 2 * _CORNER, 3), dtype=np.uint8)
        for down, across in product((False, True), repeat=2):
            rows = slice(-half[0], None) if down else slice(half[0])
            columns = slice(-half[1], None) if across else slice(half[1])
            square[rows, columns] = image[rows, columns]
        return square

    def _stray(self, blocks: Iterator[np.ndarray], targets: np.ndarray, where: str) -> Finding | None:
        explained = _explained(blocks, targets, len(self.part.data.target.labels))
        most = float(explained.max())
        strange = np.argwhere(explained > most / 2)
        # By chance alone the largest of so many pixels explains a little, where there are few photos.
        (top, left), (bottom, right) = strange.min(axis=0), strange.max(axis=0)
        height, width = explained.shape
        area = (bottom - top + 1) * (right - left + 1) / explained.size
        is_mark = len(strange) <= _MARK_PIXELS * explained.size and area <= _MARK_AREA
        usual = float(np.quantile(explained, _USUAL if is_mark else 0.99))
        if most < max(_STRAY, 40 / len(targets), _STRAY_OVER * usual) or not (is_mark or len(strange) <= _STRAY_PIXELS):
            return None
        sentence = (
            f"A few pixels tell the label: {len(strange)} of {height * width:,}, in rows {top} to {bottom} and columns "
            f"{left} to {right} {where} ({height} x {width}). The class explains {most:.0%} "
            "of how much they differ from their neighbours."
        )
        remedies = (
            "look for a mark, such as a date, a logo or a dead pixel, that one class's photos have",
            "cut it off, or paint it over, in all photos",
        )
        evidence = {"explained": most, "usual": usual, "pixels": len(strange)}
        return Finding("shortcut", "serious", sentence, evidence, remedies)

    def picture(self, position: int) -> Picture:
        return Picture(jpeg(self._reader.view(self.part.canvases([position])[0]), side=_SIDE))


def _header(value: Any) -> dict[str, Any]:
    """What a picture's file says of itself; nothing for arrays."""
    from PIL import Image as PILImage

    known: dict[str, Any] = dict.fromkeys(
        ("format", "mode", "quality", "width", "height", "camera", "software", "time", "place", "remarks")
    )
    try:
        content = value if isinstance(value, bytes) else read_file(value)
        with PILImage.open(io.BytesIO(content)) as image:
            known |= {"format": image.format, "mode": image.mode, "width": image.width, "height": image.height}
            # The sum of the steps that a JPEG was rounded by: the program and its quality, whatever is in the photo.
            tables = getattr(image, "quantization", None)
            known["quality"] = float(sum(map(sum, tables.values()))) if tables else None
            exif = image.getexif()
            made = [str(exif[tag]).strip("\0 ") for tag in (_MAKE, _MODEL) if exif.get(tag)]
            known |= {"camera": " ".join(made) or None, "software": str(exif.get(_SOFTWARE) or "") or None}
            # Without the block of EXIF as a whole, which holds times and cameras, too.
            info = {name: value for name, value in image.info.items() if name != "exif"}
            known["remarks"] = _texts({**info, **{f"EXIF {tag}": exif[tag] for tag in exif if tag not in _KNOWN}})
            known["time"] = exif.get_ifd(_EXIF).get(_TIME) or exif.get(306)
            known["place"] = bool(exif.get_ifd(_PLACE))
    # Pillow raises whatever a damaged header makes its parsers trip over; the pixels were read all the same.
    except Exception:
        return known
    return known


def _texts(values: Mapping[Any, Any]) -> dict[str, str]:
    """The short texts and numbers among what a file says of itself, such as a comment, by their names."""
    shown = {name: value.decode("latin-1") if isinstance(value, bytes) else value for name, value in values.items()}
    return {str(name): str(value) for name, value in shown.items() if isinstance(value, str | int | float)}


def _remarks(headers: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """What some of the files say besides form, camera and time, such as a description or how they were turned."""
    remarks = [header["remarks"] or {} for header in headers]
    names = list(dict.fromkeys(name for of in remarks for name in of))[:_MOST_REMARKS]
    columns = {name: [of.get(name, "")[:_REMARK] for of in remarks] for name in names}
    return pl.DataFrame(columns, schema=dict.fromkeys(names, pl.String))


def _bursts(headers: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Photos of one camera that follow one another within seconds, by the moment of the first."""
    moments = [_moment(header["time"]) for header in headers]
    bursts: list[str | None] = [None] * len(headers)
    last: tuple[str, float, str] | None = None
    known = [index for index, moment in enumerate(moments) if moment is not None]
    for index in sorted(known, key=lambda index: (headers[index]["camera"] or "", moments[index])):
        camera, moment = headers[index]["camera"] or "", moments[index]
        assert moment is not None
        follows = last is not None and last[0] == camera and moment - last[1] <= _BURST_SECONDS
        name = last[2] if last is not None and follows else f"{camera} {headers[index]['time']}"
        bursts[index], last = name, (camera, moment, name)
    return bursts


def _moment(text: Any) -> float | None:
    try:
        return datetime.strptime(str(text)[:19], "%Y:%m:%d %H:%M:%S").timestamp()
    except ValueError:
        return None


def _look(canvas: np.ndarray) -> dict[str, float]:
    """A canvas in a few numbers, its border by side."""
    width = max(1, len(canvas) // 32)
    grey = canvas.mean(axis=-1, dtype=np.float32)
    inner = grey[1:-1, 1:-1]
    edges = 4 * inner - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    borders = {
        "top": canvas[:width],
        "bottom": canvas[-width:],
        "left": canvas[:, :width],
        "right": canvas[:, -width:],
    }
    look = {"brightness": float(grey.mean()), "spread": float(grey.std()), "sharpness": float(edges.std())}
    look["lost"] = float(np.argmin([*_is_lost(canvas)[::-1], False])) / len(canvas)
    # Channel by channel: numpy reduces an axis of three slowly.
    channels = np.moveaxis(canvas, -1, 0)
    look["colourfulness"] = float((reduce(np.maximum, channels) - reduce(np.minimum, channels)).mean())
    for channel in range(canvas.shape[-1]):
        look[f"mean_{channel}"] = float(canvas[..., channel].mean())
        look |= {f"border_{name}_{channel}": float(edge[..., channel].mean()) for name, edge in borders.items()}
    return look | {f"border_spread_{name}": float(edge.std()) for name, edge in borders.items()}


def _is_lost(canvas: np.ndarray) -> np.ndarray:
    """Which rows of pixels are the grey that a JPEG's decoder puts where the data end, bool `[height]`."""
    return np.abs(canvas.astype(np.int16) - _GREY).max(axis=(1, 2)) <= 3


def _explained(blocks: Iterator[np.ndarray], targets: np.ndarray, num_classes: int) -> np.ndarray:
    """Of each pixel's difference from its neighbours, the share that the class explains, float64 `[height, width]`."""
    sums = squares = np.float64(0)
    start = 0
    for block in blocks:
        plain = block.astype(np.float32)
        padded = np.pad(plain, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="edge")
        # Two pixels away, as a mark is often more than one pixel wide.
        around = padded[:, :-4, 2:-2] + padded[:, 4:, 2:-2] + padded[:, 2:-2, :-4] + padded[:, 2:-2, 4:]
        differences = plain - around / 4
        own = np.eye(num_classes, dtype=np.float32)[targets[start : start + len(block)]]
        sums = sums + np.tensordot(own.T, differences, axes=1)
        squares = squares + (differences**2).sum(axis=0)
        start += len(block)
    counts = np.maximum(np.bincount(targets, minlength=num_classes), 1)
    means = np.asarray(sums) / counts[:, None, None, None]
    middle = np.asarray(sums).sum(axis=0) / len(targets)
    # A class of a photo or two has its own pixels everywhere.
    is_known = counts >= _FEWEST_OF_CLASS
    between = (counts[:, None, None, None] * (means - middle) ** 2)[is_known].sum(axis=0)
    total = np.asarray(squares) - len(targets) * middle**2
    # A pixel that hardly differs at all, such as a drawing's margin, must not weigh.
    return (between / np.maximum(total, len(targets))).max(axis=-1)
