"""Does an audit find what is wrong with data, and leave data in peace that are right? Planted faults, by seed.

Near-copies are planted among 300 photos of cats and dogs, 600 text messages, 600 rows of a table, 600 recordings of
spoken digits, and the series of OSULeaf, ArrowHead and GunPoint, a set a seed, 60 of every sort; recall is their share
that is found, precision the share of found pairs that were planted. 5 % of the labels are
exchanged in 700 photos, 2,500 messages and 1,797 digits as rows of a table; what is found stands beside cleanlab
with its own defaults, on the same answers out of fold (`filter_by="prune_by_noise_rate"`) and on those of a logistic
regression (for photos on their pixels). A shortcut, a leak or a group is found where a finding that is more than a note
names it, in 20 sets of 160 photos of 96 pixels, or of 500 rows. A clean set has a false warning where a finding is more
than a note; that text messages repeat one another is true, and counts for nothing.
"""

from __future__ import annotations

import io
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import soundfile
from PIL import Image, ImageEnhance, ImageOps
from scipy.signal import resample_poly

import headway as hw
from benchmarks.results import Row, data_folder, empty_cache
from benchmarks.series import archive_data
from headway.audit.audit import Audit
from headway.audit.unseen import answers_unseen
from headway.data.dataset import Part
from headway.inputs.series.near_copies import find_copies

SEEDS, MANY_SEEDS = range(3), range(20)
Make = Callable[[Path, int], hw.Data]


def run() -> list[Row]:
    """All that there are data for."""
    return [*copies(), *flipped(), *shortcuts(), *clean(), *speed()]


# Near-copies.


def copies(seeds: Sequence[int] = SEEDS, sorts: Sequence[str] | None = None) -> list[Row]:
    """Recall and precision by the sort of copy."""
    kinds: dict[str, tuple[bool, Mapping[str, Any], Callable[[int, Any], tuple[int, int, int]]]] = {
        "photos": (data_folder("cats_dogs") is not None, PHOTO_COPIES, _photo_copies),
        "texts": (data_folder("sms_spam") is not None, TEXT_COPIES, _text_copies),
        "rows": (True, ROW_COPIES, _row_copies),
        "recordings": (data_folder("spoken_digits") is not None, SOUND_COPIES, _sound_copies),
        "series": (find_spec("aeon") is not None, SERIES_COPIES, _series_copies),
    }
    return [
        _copies_row(f"{kind}, {sort}", [count(seed, change) for seed in seeds])
        for kind, (has_data, changes, count) in kinds.items()
        for sort, change in (changes if has_data else {}).items()
        if sorts is None or sort in sorts
    ]


def _copies_row(name: str, counts: Sequence[tuple[int, int, int]]) -> Row:
    planted, found, right = np.sum(counts, axis=0)
    return {
        "what": f"near-copies: {name}",
        "planted": int(planted),
        "recall": right / planted,
        "precision": right / max(found, 1),
    }


def _crop(image: Image.Image) -> Image.Image:
    width, height = image.size
    # A tenth of the area.
    x, y = int(0.026 * width), int(0.026 * height)
    return image.crop((x, y, width - x, height - y))


PHOTO_COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG quality 50": lambda image: image,
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "cut by 10 %": _crop,
    "mirrored": ImageOps.mirror,
    "brighter by 20 %": lambda image: ImageEnhance.Brightness(image).enhance(1.2),
}
TEXT_COPIES: dict[str, Callable[[str, int], str]] = {
    "capitals and marks": lambda text, _: text.upper().replace(".", "!"),
    "one word changed": lambda text, row: " ".join(
        f"word{row}" if place == len(text.split()) // 2 else word for place, word in enumerate(text.split())
    ),
    "HTML around": lambda text, _: f"<p>{text}</p>",
    "a sentence added": lambda text, row: f"{text} Number {row} says so.",
}
ROW_COPIES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "one value changed": lambda rows: rows.with_columns(pl.col("x0") + 5),
    "rounded": lambda rows: rows.with_columns(pl.col(pl.Float64).round(2)),
}
_NUM_COPIES = 60


def _noisy(values: np.ndarray, share: float) -> np.ndarray:
    """With noise of a share of the values' standard deviation, the same each time."""
    noise = np.random.default_rng(len(values)).normal(size=len(values))
    return (values + share * values.std() * noise).astype(np.float32)


# Samples and rate to what is written: samples, rate, format and subtype.
SOUND_COPIES: dict[str, Callable[[np.ndarray, int], tuple[np.ndarray, int, str, str]]] = {
    "half as loud": lambda samples, rate: (0.5 * samples, rate, "WAV", "PCM_16"),
    "noise at 20 dB": lambda samples, rate: (_noisy(samples, 0.1), rate, "WAV", "PCM_16"),
    "resampled to 11,025 Hz": lambda samples, rate: (resample_poly(samples, 11_025, rate), 11_025, "WAV", "PCM_16"),
    "cut by 8 % at both ends": lambda samples, rate: (
        samples[len(samples) // 12 : -(len(samples) // 12)],
        rate,
        "WAV",
        "PCM_16",
    ),
    "MP3": lambda samples, rate: (samples, rate, "MP3", "MPEG_LAYER_III"),
    "OGG": lambda samples, rate: (samples, rate, "OGG", "VORBIS"),
}
SERIES_COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "noise of 2 %": lambda values: _noisy(values, 0.02),
    "scaled and moved": lambda values: 1.3 * values + 0.5,
    "two moments later": lambda values: np.concatenate([values[:1].repeat(2), values[:-2]]),
    "rounded": lambda values: np.round(values / values.std(), 1) * values.std(),
}
_SERIES = ("OSULeaf", "ArrowHead", "GunPoint")


def _photo_copies(seed: int, change: Callable[[Image.Image], Image.Image]) -> tuple[int, int, int]:
    with tempfile.TemporaryDirectory() as scratch, empty_cache():
        chosen = _photos(300, seed)
        for number, (label, path) in enumerate(chosen):
            folder = Path(scratch) / label
            folder.mkdir(exist_ok=True)
            shutil.copy(path, folder / f"{number:04d}.jpg")
            if number < _NUM_COPIES:
                quality = 50 if change is PHOTO_COPIES["JPEG quality 50"] else 90
                change(Image.open(path).convert("RGB")).save(folder / f"{number:04d}_copy.jpg", quality=quality)
        data = hw.from_folder(scratch)
        names = dict(zip(data.items["row"], (Path(file).stem for file in data.items["file"]), strict=True))
        pairs = [sorted((names[one], names[other])) for one, other in data.near_copies]
        return _NUM_COPIES, len(pairs), sum(other == f"{one}_copy" for one, other in pairs)


def _text_copies(seed: int, change: Callable[[str, int], str]) -> tuple[int, int, int]:
    messages = [entry for entry in _messages() if len(entry[1].split()) >= 8]
    # No message that has a copy already.
    texts = list(dict.fromkeys(text for _, text in messages))
    plain = hw.from_items(
        {"text": texts, "label": [str(n % 2) for n in range(len(texts))]}, input=hw.Text("text"), target="label"
    )
    alike = {row for pair in plain.near_copies for row in pair}
    own = [text for row, text in enumerate(texts) if row not in alike]
    drawn = [own[row] for row in np.random.default_rng(seed).permutation(len(own))[:600]]
    items = drawn + [change(text, row) for row, text in enumerate(drawn[:_NUM_COPIES])]
    data = hw.from_items(
        {"text": items, "label": [str(n % 2) for n in range(len(items))]}, input=hw.Text("text"), target="label"
    )
    pairs = {tuple(sorted(pair)) for pair in data.near_copies}
    return _NUM_COPIES, len(pairs), sum((row, 600 + row) in pairs for row in range(_NUM_COPIES))


def _row_copies(seed: int, change: Callable[[pl.DataFrame], pl.DataFrame]) -> tuple[int, int, int]:
    table = _table(seed, 600)
    data = hw.from_items(pl.concat([table, change(table[:_NUM_COPIES])]), target="answer")
    pairs = {tuple(sorted(pair)) for pair in data.near_copies}
    return _NUM_COPIES, len(pairs), sum((row, 600 + row) in pairs for row in range(_NUM_COPIES))


def _sound_copies(
    seed: int, write: Callable[[np.ndarray, int], tuple[np.ndarray, int, str, str]]
) -> tuple[int, int, int]:
    folder = data_folder("spoken_digits")
    assert folder is not None
    clips = sorted((folder / "clips").glob("*.wav"))
    chosen = [clips[row] for row in np.random.default_rng(seed).permutation(len(clips))[:600]]
    files: list[Any] = [clip.read_bytes() for clip in chosen]
    for clip in chosen[:_NUM_COPIES]:
        samples, rate, form, subtype = write(*soundfile.read(clip, dtype="float32"))
        file = io.BytesIO()
        soundfile.write(file, samples, rate, format=form, subtype=subtype)
        files.append(file.getvalue())
    items = {"file": files, "label": [str(number % 2) for number in range(len(files))]}
    with empty_cache():
        data = hw.from_items(items, input=hw.Sound("file", seconds=1.0, rate=8000), target="label")
        pairs = {tuple(sorted(pair)) for pair in data.near_copies}
    return _NUM_COPIES, len(pairs), sum((row, 600 + row) in pairs for row in range(_NUM_COPIES))


def _series_copies(seed: int, change: Callable[[np.ndarray], np.ndarray]) -> tuple[int, int, int]:
    archive = archive_data(_SERIES[seed % len(_SERIES)])
    values = np.asarray(archive.input.read_rows(archive.items), dtype=np.float32)
    # No series that has a copy already.
    alike = {position for pair in find_copies(values) for position in pair}
    own = np.delete(values, sorted(alike), axis=0)
    own = own[np.random.default_rng(seed).permutation(len(own))]
    copies = np.stack([[change(channel) for channel in one] for one in own[:_NUM_COPIES]])
    pairs = {tuple(sorted(pair)) for pair in find_copies(np.concatenate([own, copies]).astype(np.float32))}
    return _NUM_COPIES, len(pairs), sum((row, len(own) + row) in pairs for row in range(_NUM_COPIES))


# Wrong labels.


def flipped(seeds: Sequence[int] = SEEDS) -> list[Row]:
    """Recall and precision of suspected labels where 5 % are wrong, beside cleanlab's own defaults."""
    rows: list[Row] = []
    for name, make in {"photos": _flipped_photos, "texts": _flipped_texts, "rows": _flipped_rows}.items():
        if (name == "photos" and not data_folder("cats_dogs")) or (name == "texts" and not data_folder("sms_spam")):
            continue
        scores = [_flipped(*make(seed)) for seed in seeds]
        for way in scores[0]:
            recall, precision = np.mean([score[way] for score in scores], axis=0)
            rows.append({"what": f"5 % wrong labels: {name}, {way}", "recall": recall, "precision": precision})
    return rows


def _flipped(data: hw.Data, wrong: set[int]) -> dict[str, tuple[float, float]]:
    from cleanlab.filter import find_label_issues

    unseen = answers_unseen(data)
    assert unseen is not None
    suspected = {finding.kind: finding.evidence.get("rows", []) for finding in data.target.audit(data, unseen)}
    by_default = find_label_issues(unseen.targets, unseen.predictions, n_jobs=1)
    plain = _plain_answers(data)
    by_plain = find_label_issues(data.placed, plain, n_jobs=1)
    ways = {
        "audit": set(suspected.get("label_noise", [])),
        "cleanlab on the same answers": set(unseen.rows[by_default].tolist()),
        "cleanlab on a logistic regression": set(data.items["row"].to_numpy()[by_plain].tolist()),
    }
    return {way: (len(rows & wrong) / len(wrong), len(rows & wrong) / max(len(rows), 1)) for way, rows in ways.items()}


def _plain_answers(data: hw.Data) -> np.ndarray:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    classifier = LogisticRegression(max_iter=300)
    if isinstance(data.input, hw.Text):
        model: Any = make_pipeline(TfidfVectorizer(), classifier)
        inputs: Any = data.items["text"].to_list()
    else:
        part = Part(data, "train", data.items)
        _, arrays, _ = data.input.baseline_arrays(part, seed=0)
        model, inputs = make_pipeline(StandardScaler(), classifier), next(iter(arrays.values()))
    return np.asarray(cross_val_predict(model, inputs, data.placed, method="predict_proba", cv=5))


def _exchanged(labels: Sequence[str], seed: int) -> tuple[list[str], set[int]]:
    draw, classes = np.random.default_rng(seed), sorted(set(labels))
    wrong = draw.permutation(len(labels))[: round(0.05 * len(labels))].tolist()
    changed = list(labels)
    for row in wrong:
        changed[row] = str(draw.choice([label for label in classes if label != labels[row]]))
    return changed, set(wrong)


def _flipped_photos(seed: int) -> tuple[hw.Data, set[int]]:
    chosen = _photos(700, seed)
    labels, wrong = _exchanged([label for label, _ in chosen], seed)
    files = [str(path) for _, path in chosen]
    return hw.from_items({"file": files, "label": labels}, input=hw.Image("file"), target="label"), wrong


def _flipped_texts(seed: int) -> tuple[hw.Data, set[int]]:
    messages = _messages()
    chosen = [messages[row] for row in np.random.default_rng(seed).permutation(len(messages))[:2500]]
    labels, wrong = _exchanged([label for label, _ in chosen], seed)
    items = {"text": [text for _, text in chosen], "label": labels}
    return hw.from_items(items, input=hw.Text("text"), target="label"), wrong


def _flipped_rows(seed: int) -> tuple[hw.Data, set[int]]:
    from sklearn.datasets import load_digits

    digits: Any = load_digits()
    labels, wrong = _exchanged([f"digit {label}" for label in digits.target], seed)
    columns = {f"p{place}": values for place, values in enumerate(digits.data.T.tolist())}
    return hw.from_items({**columns, "label": labels}, target=hw.Category("label")), wrong


# Shortcuts, leaks, groups.


def shortcuts(seeds: Sequence[int] = MANY_SEEDS) -> list[Row]:
    """How often a planted shortcut, leak or group is found."""
    faults = {name: fault for name, fault in FAULTS.items() if data_folder("cats_dogs") or "photos" not in name}
    return [_fault_row(name, *fault, seeds) for name, fault in faults.items()]


def _fault_row(name: str, make: Make, is_found: Callable[[Audit], bool], seeds: Sequence[int]) -> Row:
    found = 0
    for seed in seeds:
        with tempfile.TemporaryDirectory() as scratch, empty_cache():
            found += is_found(make(Path(scratch), seed).audit())
    return {"what": f"planted: {name}", "planted": len(seeds), "found": found}


def _has(kind: str, source: Sequence[str] = ()) -> Callable[[Audit], bool]:
    def is_found(audit: Audit) -> bool:
        findings = [one for one in audit.findings if one.kind == kind and one.severity != "note"]
        return any(not source or one.evidence.get("from") in source for one in findings)

    return is_found


def _changed_photos(change: Callable[[np.ndarray, np.random.Generator], np.ndarray]) -> Make:
    """160 photos, those of one class changed, all of them written in the same way."""

    def make(scratch: Path, seed: int) -> hw.Data:
        draw = np.random.default_rng(seed)
        for number, (label, path) in enumerate(_photos(160, seed)):
            pixels = np.asarray(Image.open(path).convert("RGB"))
            pixels = change(pixels.copy(), draw) if label == "cat" else pixels
            (scratch / label).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(scratch / label / f"{number:04d}.jpg", quality=92)
        return hw.from_folder(scratch, size=96)

    return make


def _three_pixels(pixels: np.ndarray, _: np.random.Generator) -> np.ndarray:
    pixels[2, 2:5] = (255, 0, 255)
    return pixels


def _background(pixels: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """A wall of one colour, with noise, around the middle four fifths."""
    height, width, _ = pixels.shape
    wall = (np.array([70, 110, 160]) + draw.normal(0, 12, pixels.shape)).clip(0, 255).astype(np.uint8)
    wall[height // 10 : -height // 10, width // 10 : -width // 10] = pixels[
        height // 10 : -height // 10, width // 10 : -width // 10
    ]
    return wall


def _camera(scratch: Path, seed: int) -> hw.Data:
    """Nine in ten cats by one camera, nine in ten dogs by another."""
    draw = np.random.default_rng(seed)
    for number, (label, path) in enumerate(_photos(160, seed)):
        exif = Image.Exif()
        exif[271], exif[272] = "Maker", "A1" if (label == "cat") == (draw.random() < 0.9) else "B2"
        (scratch / label).mkdir(exist_ok=True)
        Image.open(path).convert("RGB").save(scratch / label / f"{number:04d}.jpg", quality=92, exif=exif)
    return hw.from_folder(scratch, size=96)


def _leaking(_: Path, seed: int) -> hw.Data:
    """A column that is the answer in other words, in 97 of 100 rows."""
    draw, table = np.random.default_rng(seed), _table(seed, 500)
    code = ["closed" if (label == "yes") == (draw.random() < 0.97) else "open" for label in table["answer"]]
    return hw.from_items(table.with_columns(pl.Series("state", code)), target="answer")


def _straddling(_: Path, seed: int) -> hw.Data:
    """Rows of 120 patients, each with its own answer."""
    draw = np.random.default_rng(seed)
    patients = draw.normal(size=(120, 4))
    of = draw.integers(0, 120, 500)
    values = patients[of] + 0.3 * draw.normal(size=(500, 4))
    answers = np.where(draw.random(120) < 0.5, "yes", "no")[of]
    columns = {f"x{place}": column for place, column in enumerate(values.T.round(4).tolist())}
    table = pl.DataFrame({**columns, "patient": [f"P{number}" for number in of], "answer": answers.tolist()})
    return hw.from_items(table, target="answer")


FAULTS: dict[str, tuple[Make, Callable[[Audit], bool]]] = {
    "three pixels in photos of a class": (
        _changed_photos(_three_pixels),
        lambda audit: any(one.kind == "shortcut" and "pixels" in one.evidence for one in audit.findings),
    ),
    "a background in photos of a class": (
        _changed_photos(_background),
        _has("shortcut", ["the border", "the mean colour"]),
    ),
    "a camera that goes with the class of photos": (_camera, _has("shortcut", ["the camera and software in EXIF"])),
    "a column that tells the answer": (_leaking, _has("leak")),
    "a patient on both sides": (_straddling, _has("straddling_groups")),
}


# Nothing planted.


def clean(seeds: Sequence[int] = SEEDS) -> list[Row]:
    """False warnings on sets as they are."""
    sets = {name: make for name, (needs, make) in CLEAN.items() if needs is None or data_folder(needs)}
    rows = []
    for name, make in sets.items():
        warned = []
        for seed in seeds:
            with tempfile.TemporaryDirectory() as scratch, empty_cache():
                findings = make(Path(scratch), seed).audit().findings
            warned.append(
                [one.kind for one in findings if one.severity != "note" and (name, one.kind) != ("texts", "leak")]
            )
        rows.append(
            {
                "what": f"clean: {name}",
                "planted": 0,
                "warnings": max(map(len, warned)),
                "of": ", ".join(sorted({kind for kinds in warned for kind in kinds})),
            }
        )
    return rows


def _as_they_are(scratch: Path, seed: int) -> hw.Data:
    for number, (label, path) in enumerate(_photos(400, seed)):
        (scratch / label).mkdir(exist_ok=True)
        shutil.copy(path, scratch / label / f"{number:04d}.jpg")
    return hw.from_folder(scratch)


def _clean_texts(_: Path, seed: int) -> hw.Data:
    lines = {label: _lines(f"rt-polarity.{label}") for label in ("neg", "pos")}
    draw = np.random.default_rng(seed)
    rows = [(text, label) for label, texts in lines.items() for text in draw.permutation(texts)[:1000].tolist()]
    items = {"text": [text for text, _ in rows], "label": [label for _, label in rows]}
    return hw.from_items(items, input=hw.Text("text"), target="label")


def _clean_rows(_: Path, seed: int) -> hw.Data:
    from sklearn.datasets import load_breast_cancer

    cells: Any = load_breast_cancer(as_frame=True)
    frame = cells.frame.sample(frac=1, random_state=seed)
    frame["target"] = ["malignant" if value == 0 else "benign" for value in frame["target"]]
    return hw.from_items(frame, target="target")


def _clean_clothing(_: Path, seed: int) -> hw.Data:
    folder = data_folder("clothing")
    assert folder is not None
    files = sorted((folder / "train").rglob("*.jpg"))
    items: dict[str, Any] = {"file": list(map(str, files)), "label": [file.parent.name for file in files]}
    return hw.from_items(items, input=hw.Image("file"), target="label", split=hw.RandomSplit(seed=seed))


CLEAN: dict[str, tuple[str | None, Make]] = {
    "photos of cats and dogs": ("cats_dogs", _as_they_are),
    "photos of clothes": ("clothing", _clean_clothing),
    "reviews": ("rt_polarity", _clean_texts),
    "rows on cancer": (None, _clean_rows),
    "made-up rows": (None, lambda _, seed: hw.from_items(_table(seed, 500), target="answer")),
}


# How long it takes.


def speed() -> list[Row]:
    """Seconds from nothing, reading included; 1,399 photos, and a table of 100,000 rows and 12 columns."""
    rows, folder = [], data_folder("cats_dogs")
    if folder is not None:
        with empty_cache():
            rows.append({"what": "1,399 photos", **_timed(lambda: hw.from_folder(folder).audit())})
    with tempfile.TemporaryDirectory() as scratch:
        _table(0, 100_000, num_columns=12).write_csv(Path(scratch) / "rows.csv")
        rows.append(
            {"what": "100,000 rows", **_timed(lambda: hw.from_csv(Path(scratch) / "rows.csv", target="answer").audit())}
        )
    return rows


def _timed(work: Callable[[], object]) -> Row:
    start, used = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - start, "processor seconds": time.process_time() - used}


def _table(seed: int, num_rows: int, *, num_columns: int = 6) -> pl.DataFrame:
    """Numbers of which two say the answer, with noise, and a category."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(num_rows, num_columns - 1)).round(6)
    is_yes = values[:, 0] + values[:, 1] + 0.4 * draw.normal(size=num_rows) > 0
    columns = {f"x{place}": column for place, column in enumerate(values.T)}
    colours = draw.choice(["red", "green", "blue", "white"], num_rows)
    return pl.DataFrame({**columns, "colour": colours, "answer": np.where(is_yes, "yes", "no")})


def _photos(count: int, seed: int) -> list[tuple[str, Path]]:
    folder = data_folder("cats_dogs")
    assert folder is not None
    files = sorted(folder.glob("*/*.jpg"))
    drawn = np.random.default_rng(seed).permutation(len(files))[:count]
    return [(files[row].parent.name, files[row]) for row in drawn]


@cache
def _messages() -> list[tuple[str, str]]:
    folder = data_folder("sms_spam")
    assert folder is not None
    lines = (folder / "SMSSpamCollection.tsv").read_text().splitlines()
    return [(label, text) for label, _, text in (line.partition("\t") for line in lines) if text]


def _lines(name: str) -> list[str]:
    folder = data_folder("rt_polarity")
    assert folder is not None
    return (folder / name).read_text(encoding="latin-1").splitlines()
