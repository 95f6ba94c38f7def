from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pydicom.data
import pytest
from fastapi.testclient import TestClient

import headway as hw
from headway.errors import ReadError
from headway.inputs.image import scientific
from headway.inputs.image.dicom import CAUTION, header_columns, read_dicom
from headway.serve.app import create_app
from headway.serve.settings import Settings
from tests.dicom import dicom
from tests.serve.bundles import make

FILES = Path(pydicom.data.__file__).parent / "test_files"
FIELD = hw.Image("file", size=16, channels=1)
RAMP = np.arange(256, dtype=np.int16).reshape(16, 16)


def read(name: str) -> bytes:
    return (FILES / name).read_bytes()


def test_values_are_in_the_unit_of_the_header_and_its_window_is_black_to_white() -> None:
    decoded = read_dicom(dicom(RAMP, RescaleSlope=2, RescaleIntercept=-100, WindowCenter=100, WindowWidth=101))
    assert np.array_equal(decoded.values, 2 * RAMP - 100)
    assert decoded.window == decoded.value_range == (49.5, 149.5)
    assert FIELD.read(dicom(RAMP, WindowCenter=100, WindowWidth=101)).reshape(-1)[[49, 99, 100, 150]].tolist() == [
        0, 126, 129, 255,
    ]  # fmt: skip


def test_low_is_white_where_the_header_says_so() -> None:
    window: dict[str, Any] = {"WindowCenter": 100, "WindowWidth": 101}
    plain, mirrored = (dicom(RAMP, PhotometricInterpretation=f"MONOCHROME{number}", **window) for number in (2, 1))
    assert FIELD.read(mirrored).astype(int) + FIELD.read(plain) == pytest.approx(255, abs=1)
    without = read_dicom(dicom(RAMP.astype(np.uint8), PhotometricInterpretation="MONOCHROME1"))
    assert np.array_equal(without.values, 255 - RAMP)


def test_of_several_frames_the_middle_one_is_read_and_said() -> None:
    frames = np.stack([np.full((16, 16), 10 * number, np.uint8) for number in range(5)])
    decoded = read_dicom(dicom(frames))
    assert (decoded.values == 20).all()
    assert FIELD.read_noted(dicom(frames))[1] == ("frame 3 of 5 is read",)
    assert FIELD.read_noted(dicom(frames[0]))[1] == ()
    assert FIELD.notes(dicom(frames)) == ("frame 3 of 5 is read",)


def test_a_form_that_needs_a_plugin_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom import pixels

    def without_plugins(*_: object, **__: object) -> None:
        text = (
            "Unable to decompress 'JPEG-LS Lossless' pixel data because all plugins are missing dependencies:\n\tgdcm"
        )
        raise RuntimeError(text)

    monkeypatch.setattr(pixels, "pixel_array", without_plugins)
    with pytest.raises(ReadError) as caught:
        read_dicom(dicom(RAMP))
    assert str(caught.value) == (
        "a DICOM file of JPEG-LS Lossless, which pydicom reads with plugins: "
        "pip install pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg"
    )


def test_an_answer_decodes_a_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from headway.inputs.image import dicom as module

    calls, decode = [], module.read_dicom

    def spy(data: bytes) -> Any:
        calls.append(len(data))
        return decode(data)

    monkeypatch.setattr(module, "read_dicom", spy)
    file = dicom(RAMP)
    array, notes = FIELD.read_noted(file)
    assert (calls, notes) == ([len(file)], ())
    assert np.array_equal(array, FIELD.read(file))


# What each of pydicom's files holds: an X-ray's form, its colours, and how it is stored.
@pytest.mark.parametrize(
    ("name", "shape", "window", "note"),
    [
        ("CT_small.dcm", (128, 128), None, ""),
        ("693_J2KI.dcm", (512, 512), (-10.0, 89.0), ""),
        ("MR_small.dcm", (64, 64), (-200.0, 1399.0), ""),
        ("MR_small_RLE.dcm", (64, 64), (-200.0, 1399.0), ""),
        ("MR_small_jp2klossless.dcm", (64, 64), (-200.0, 1399.0), ""),
        ("MR_small_bigendian.dcm", (64, 64), (-200.0, 1399.0), ""),
        ("examples_palette.dcm", (350, 800, 3), None, ""),
        ("examples_ybr_color.dcm", (240, 320, 3), None, "frame 15 of 30 is read"),
        ("examples_jpeg2k.dcm", (480, 640, 3), None, ""),
        ("SC_rgb_rle_16bit.dcm", (100, 100, 3), None, ""),
    ],
)
def test_real_files(name: str, shape: tuple[int, ...], window: tuple[float, float] | None, note: str) -> None:
    decoded = read_dicom(read(name))
    assert (decoded.values.shape, decoded.window, decoded.note) == (shape, window, note)
    # However it is stored, it is the same picture.
    if name.startswith("MR_small"):
        assert np.array_equal(decoded.values, read_dicom(read("MR_small.dcm")).values)
    assert hw.Image("file", size=32).read(FILES / name).std() > 5


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (lambda: read("reportsi.dcm"), "a DICOM file without a picture: SR"),
        (
            lambda: read("reportsi.dcm").replace(b"CS\x02\x00SR", b"CS\x02\x00\x0cR", 1),
            "a DICOM file without a picture: of no modality",
        ),
        (
            lambda: read("image_dfl.dcm"),
            "a deflated DICOM file, which is not read: save it with another transfer syntax",
        ),
        (lambda: dicom(RAMP)[:-100], "a damaged DICOM file, or of a kind that is not read: The number of bytes"),
        (lambda: dicom(RAMP, Rows=60_000, Columns=60_000), "too large: 60000 x 60000 pixels of 1 channels; the limit"),
        (lambda: dicom(RAMP, Rows=0), "empty: 16 x 0 pixels"),
    ],
)
def test_what_cannot_be_read_says_why(data: Any, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        FIELD.read(data())
    assert str(caught.value).startswith(reason)


def test_without_pydicom_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(scientific, "import_module", missing)
    with pytest.raises(ReadError) as caught:
        FIELD.read(dicom(RAMP))
    assert str(caught.value) == 'DICOM, for which pydicom is not installed: pip install "headway[medical]"'


def test_a_set_has_one_window_that_of_most_training_pictures() -> None:
    rows = [dicom(RAMP, WindowCenter=40 if number else 200, WindowWidth=81) for number in range(5)]
    fitted = FIELD.fit(pl.DataFrame({"file": rows}))
    assert fitted.value_range == (-0.5, 79.5)
    assert np.array_equal(fitted.read(rows[0]), fitted.read(rows[1]))
    # Without windows, the whole of the bits that they use.
    assert FIELD.fit(pl.DataFrame({"file": [dicom((8 * RAMP).astype(np.uint16))]})).value_range == (0, 2047)


def test_headers_give_patients_by_number_and_never_names_or_dates() -> None:
    header = {"PatientName": "Doe^Jane", "PatientBirthDate": "19700101", "InstitutionName": "North"}
    files = [dicom(RAMP, PatientID=name, ManufacturerModelName="Scan 5", **header) for name in ("Doe", "Roe", "Doe")]
    columns = header_columns([*files, dicom(RAMP, StudyInstanceUID="1.5"), b"no DICOM"])
    assert columns == {
        "patient": ["patient 1", "patient 2", "patient 1", "patient 3", None],
        "site": ["North"] * 3 + [None] * 2,
        "device": ["Scan 5"] * 3 + [None] * 2,
        "modality": ["CT"] * 4 + [None],
    }
    assert header_columns([b"no DICOM"]) == {}


@pytest.fixture
def scans(tmp_path: Path) -> pl.DataFrame:
    draw = np.random.default_rng(0)
    for number in range(24):
        pixels = draw.integers(0, 4096, (16, 16), dtype=np.uint16)
        name = {"PatientName": "Doe^Jane", "PatientID": f"id {number // 4}", "InstitutionName": "North"}
        # As hospitals export them, without an ending.
        (tmp_path / f"scan{number}").write_bytes(dicom(pixels, **name))
    files = [str(tmp_path / f"scan{number}") for number in range(24)]
    return pl.DataFrame({"file": files, "finding": ["yes", "no"] * 12})


@pytest.mark.slow
def test_a_data_set_has_the_headers_columns_and_says_what_it_may_not_be_used_for(scans: pl.DataFrame) -> None:
    data = hw.from_items(scans, input="file", target="finding")
    assert isinstance(data.input, hw.Image)
    assert data.input.value_range == (0, 4095)
    assert {"patient", "site", "modality"} < set(data.items.columns)
    headers, caution, proposal = data.notes
    assert headers == (
        "The headers of DICOM files became columns: patient, site, modality. Names and dates were not read."
    )
    assert caution == CAUTION
    assert proposal.endswith(
        "patients have pictures on more than one side of the split, which flatters the model. "
        'Split by them: split=hw.GroupSplit("patient").'
    )
    assert "Doe" not in str(data.items.to_dicts())


@pytest.mark.slow
def test_split_by_patient_there_is_nothing_to_propose(scans: pl.DataFrame) -> None:
    data = hw.from_items(scans, input="file", target="finding", split=hw.GroupSplit("patient"))
    sides = data.items.group_by("patient").agg(pl.col("split").n_unique())["split"]
    assert sides.to_list() == [1] * 6
    assert data.notes[1:] == (CAUTION,)


@pytest.mark.slow
def test_a_server_reads_them_by_their_header_first(tmp_path: Path) -> None:
    predictor = hw.load(make("number", tmp_path))
    with TestClient(create_app(predictor, Settings(max_pixels=1000)), base_url="http://127.0.0.1") as client:
        headers = {"content-type": "application/dicom"}
        answer = client.post("/predict", content=dicom(np.stack([RAMP] * 3)), headers=headers).json()
        assert answer["notes"] == ["frame 2 of 3 is read"]
        large = client.post("/predict", content=dicom(np.zeros((40, 40), np.uint8)), headers=headers)
        assert large.json()["detail"].startswith("The picture has 40 x 40 pixels, the limit is 0.001 megapixels.")
        broken = client.post("/predict", content=dicom(RAMP)[:200], headers=headers)
        assert broken.status_code == 422
        assert broken.json()["detail"].startswith("The picture is ")


@pytest.mark.slow
def test_a_run_on_scans_has_no_layer_of_pillow_alone(scans: pl.DataFrame) -> None:
    learner = hw.Learner(hw.from_items(scans, input="file", target="finding"), "small_resnet", progress=False)
    learner.fit(1)
    assert learner.peel(layer="loop").layer == "loop"
    with pytest.raises(hw.ConfigError) as error:
        learner.peel(layer="torch")
    assert str(error.value) == (
        "This run cannot be written as the layer 'torch'.\n"
        "  Given: its pictures are DICOM, or TIFF of several channels or frames, which Pillow does not read\n"
        '  Fix:   Pass layer="method", or "loop" where that can be written.'
    )
