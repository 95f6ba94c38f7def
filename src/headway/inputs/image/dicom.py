"""DICOM: a picture's values as its header means them, and what of the header may be known beside the picture.

Values are brought to their unit by the header's slope and intercept, such as Hounsfield units of a CT. A picture whose
low values are white (MONOCHROME1) is mirrored. Names and dates are never read.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from headway.errors import ReadError, in_a_line
from headway.inputs.image.scientific import HEAD_BYTES, Decoded, check_size, is_dicom, load, range_of
from headway.system.files import open_file

# A server of photos is installed without polars.
if TYPE_CHECKING:
    import polars as pl

__all__ = ["CAUTION", "COLUMNS", "header_columns", "picture_size", "proposals", "read_dicom", "with_headers"]

CAUTION = (
    "These are medical pictures. A model of them is for research and teaching, and is no medical device: do not use it "
    "to decide on a diagnosis or treatment, and do not use it at another site or with another device before it "
    "was judged there. Names may be written in the pixels."
)

# What becomes a column of the item table, and the element of the header that it is.
COLUMNS = {"patient": "PatientID", "site": "InstitutionName", "device": "ManufacturerModelName", "modality": "Modality"}

# By so many items it is seen whether there are DICOM files, whose names often have no ending.
_MOST_SEEN = 100
_OTHER_ENDINGS = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif")

# What pydicom says where no installed package decompresses a form, and the packages that do.
_WITHOUT_PLUGIN = re.compile(r"Unable to decompress '([^']+)'.*missing dependencies", re.DOTALL)
_PLUGINS = "pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"

_DEFLATED = b"1.2.840.10008.1.2.1.99"
_RLE = "1.2.840.10008.1.2.5"

# What the standard calls a code string.
_CODE = re.compile(r"[A-Z0-9_ ]{1,16}")


def read_dicom(data: bytes) -> Decoded:
    """The values of a DICOM file's picture; of several frames the middle one.

    Raises:
        ReadError: If it has no picture, is damaged, or pydicom is not installed.
    """
    pydicom = load("pydicom")
    _be_quiet()
    try:
        dataset = pydicom.dcmread(io.BytesIO(_checked(data)))
        height, width = _check_header(dataset)
        frames = int(dataset.get("NumberOfFrames") or 1)
        middle = (frames - 1) // 2
        values = pydicom.pixels.pixel_array(dataset, index=middle)
        if values.shape[:2] != (height, width):
            message = (
                f"damaged: its picture is {values.shape[1]} x {values.shape[0]}, its header says {width} x {height}"
            )
            raise ReadError(message)
        note = f"frame {middle + 1} of {frames} is read" if frames > 1 else ""
        return _in_units(pydicom, dataset, values, note)
    except ReadError:
        raise
    # pydicom and the decoders raise whatever their parsers trip over, RecursionError included.
    except Exception as error:
        form = _WITHOUT_PLUGIN.search(str(error))
        if form:
            message = f"a DICOM file of {form[1]}, which pydicom reads with plugins: pip install {_PLUGINS}"
            raise ReadError(message) from error
        message = f"a damaged DICOM file, or of a kind that is not read: {in_a_line(error)}"
        raise ReadError(message) from error


def _checked(data: bytes) -> bytes:
    # Its header is inside of what is compressed, so that a small file can ask for any amount of memory.
    if _DEFLATED in data[:2048]:
        message = "a deflated DICOM file, which is not read: save it with another transfer syntax"
        raise ReadError(message)
    return data


def _check_header(dataset: Any) -> tuple[int, int]:
    """Height and width, by the header alone."""
    if "Rows" not in dataset or "PixelData" not in dataset:
        # Of a damaged file all that follows may stand in this field, the patient's name among it.
        modality = str(dataset.get("Modality") or "")
        message = f"a DICOM file without a picture: {modality if _CODE.fullmatch(modality) else 'of no modality'}"
        raise ReadError(message)
    height, width, channels = int(dataset.Rows), int(dataset.Columns), int(dataset.get("SamplesPerPixel") or 1)
    check_size(height, width, channels=channels)
    # Run lengths can stand for 64 times as much as they are, whatever the header says.
    size = height * width * channels * max(int(dataset.BitsAllocated) // 8, 1) * int(dataset.get("NumberOfFrames") or 1)
    if dataset.file_meta.get("TransferSyntaxUID") == _RLE and len(dataset.PixelData) > 2 * size + 2**16:
        message = "damaged: it has more pixels than its header says"
        raise ReadError(message)
    return height, width


def _in_units(pydicom: Any, dataset: Any, values: np.ndarray, note: str) -> Decoded:
    kind, bits = str(dataset.PhotometricInterpretation), int(dataset.get("BitsStored") or dataset.BitsAllocated)
    if kind == "PALETTE COLOR":
        values = pydicom.pixels.apply_color_lut(values, dataset)
        return Decoded(values, (0.0, float(np.iinfo(values.dtype).max)), note=note)
    if values.ndim == 3:
        return Decoded(values, None if values.dtype == np.uint8 else (0.0, 2.0**bits - 1), note=note)
    window, is_plain = _window(dataset), "RescaleSlope" not in dataset and "ModalityLUTSequence" not in dataset
    low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if dataset.PixelRepresentation else (0.0, 2.0**bits - 1)
    if not is_plain:
        values = pydicom.pixels.apply_modality_lut(values, dataset)
        low, high = float(values.min()), float(values.max())
    if kind == "MONOCHROME1":
        # Around the middle of its window, so that the window stays where it is.
        values = sum(window or (low, high)) - values.astype(np.float32)
    if window is None and is_plain and bits == 8 and values.dtype == np.uint8:
        return Decoded(values, note=note)
    if window is None and kind != "MONOCHROME1":
        low, high = range_of(values)
    return Decoded(values.astype(np.float32), window or (low, max(high, low + 1)), window, note)


def _window(dataset: Any) -> tuple[float, float] | None:
    """The first window of the header: the values that become black and white."""
    centres, widths = (_numbers(dataset.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if not centres or not widths:
        return None
    # As the standard has it (PS3.3, C.11.2.1.2), half a value beside the centre.
    half = max(widths[0] - 1, 1) / 2
    return centres[0] - 0.5 - half, centres[0] - 0.5 + half


def _numbers(value: Any) -> list[float]:
    if value is None or value == "":
        return []
    numbers = [float(one) for one in (value if hasattr(value, "__iter__") else [value])]
    return [number for number in numbers if np.isfinite(number)]


def picture_size(data: bytes) -> tuple[int, int]:
    """Width and height by the header alone; ReadError as for `read_dicom`."""
    pydicom = load("pydicom")
    _be_quiet()
    try:
        dataset = pydicom.dcmread(
            io.BytesIO(_checked(data)), specific_tags=["Rows", "Columns"], stop_before_pixels=True
        )
        return int(dataset.Columns), int(dataset.Rows)
    except ReadError:
        raise
    except Exception as error:
        message = f"a damaged DICOM file, or one without a picture: {in_a_line(error)}"
        raise ReadError(message) from error


def header_columns(values: Sequence[Any]) -> dict[str, list[str | None]]:
    """What the headers of DICOM files say, by the name of the column; empty where there is no DICOM file.

    Patients are numbered in the order in which they come, "patient 1", since an id may itself be a name; pictures
    without an id are of one patient where they are of one study.
    """
    with ThreadPoolExecutor() as pool:
        headers = list(pool.map(_header, values))
    if not any(headers):
        return {}
    numbers: dict[str, int] = {}
    columns: dict[str, list[str | None]] = {name: [] for name in COLUMNS}
    for header in headers:
        key = header.get("PatientID") or header.get("StudyInstanceUID")
        columns["patient"].append(f"patient {numbers.setdefault(key, len(numbers) + 1)}" if key else None)
        for name, element in list(COLUMNS.items())[1:]:
            columns[name].append(header.get(element) or None)
    return columns


def _header(value: Any) -> dict[str, str]:
    """Some elements of a file's header as text; none where it is no DICOM file, or damaged."""
    try:
        with open_file(value) if isinstance(value, (str, os.PathLike)) else io.BytesIO(bytes(value)) as file:
            head = file.read(2048)
            if not is_dicom(head[:HEAD_BYTES]) or _DEFLATED in head:
                return {}
            file.seek(0)
            pydicom = load("pydicom")
            _be_quiet()
            names = [*COLUMNS.values(), "StudyInstanceUID"]
            dataset = pydicom.dcmread(file, specific_tags=names, stop_before_pixels=True)
            return {name: str(dataset[name].value).strip() for name in names if name in dataset and dataset[name].value}
    # What is wrong with it is said where its picture is read.
    except Exception:
        return {}


def with_headers(items: pl.DataFrame, column: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The item table with what headers of DICOM files say as further columns, and sentences on them."""
    import polars as pl

    if column not in items.columns or not any(map(_may_be_dicom, items[column].head(_MOST_SEEN))):
        return items, ()
    columns = {
        name: texts
        for name, texts in header_columns(items[column].to_list()).items()
        if name not in items.columns and any(texts)
    }
    if not columns:
        return items, ()
    sentence = f"The headers of DICOM files became columns: {', '.join(columns)}. Names and dates were not read."
    return items.with_columns(pl.Series(name, texts, dtype=pl.String) for name, texts in columns.items()), (sentence,)


def _may_be_dicom(value: Any) -> bool:
    """Whether a path's ending, or bytes, leave open that it is a DICOM file; photos need not be opened for it."""
    if isinstance(value, str):
        return os.path.splitext(value)[1].lower() not in _OTHER_ENDINGS
    return isinstance(value, bytes) and is_dicom(value[:HEAD_BYTES])


def proposals(items: pl.DataFrame, column: str) -> list[str]:
    """What is worth knowing of DICOM files before training: caution, frames, and patients on two sides of the split."""
    import polars as pl

    is_medical = [_may_be_dicom(value) and bool(_header(value)) for value in items[column].head(_MOST_SEEN)]
    if not any(is_medical):
        return []
    sentences = [CAUTION]
    if "patient" not in items.columns:
        return sentences
    known = items.drop_nulls("patient")
    sides = known.group_by("patient").agg(pl.col("split").n_unique())
    crossing = (sides["split"] > 1).sum()
    if crossing:
        patients = "patient has" if crossing == 1 else "patients have"
        sentences.append(
            f"{crossing} {patients} pictures on more than one side of the split, which flatters the model. "
            'Split by them: split=hw.GroupSplit("patient").'
        )
    return sentences


def _be_quiet() -> None:
    """Hides pydicom's warnings on values that break the standard: most scanners write some."""
    warnings.filterwarnings("ignore", module="pydicom")
