"""The docs site: a page for each public name, nothing from other hosts, and no link that leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import headway as hw

ROOT = Path(__file__).parents[2]
CONFIG = (ROOT / "mkdocs.yml").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs", reason="installed by `make docs`")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    # It is strict: a broken link or anchor, or a page that the navigation lacks, ends it with an error.
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_each_public_name_has_its_page(site: Path) -> None:
    for name in set(hw.__all__) - {"__version__"}:
        text = (site / "api" / f"{name}.html").read_text()
        assert f"{name}</" in text, name
        assert f'href="{name}.html"' in (site / "api" / "index.html").read_text()


@pytest.mark.slow
def test_nothing_is_loaded_from_other_hosts(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text()
        loaded = re.findall(r'<(?:script|img|iframe)[^>]+src="([^"]+)|<link[^>]+href="([^"]+)', text)
        assert not [address for pair in loaded for address in pair if re.match(r"(https?:)?//", address)], page.name


@pytest.mark.slow
def test_lists_and_tables_are_not_read_as_text(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not re.findall(r"<p>(?:(?!</p>).)*?\n(?:- |\|)", page.read_text(), flags=re.DOTALL), page.name


def test_a_link_that_leads_nowhere_is_an_error() -> None:
    assert "strict: true" in CONFIG
    assert "links: {not_found: warn, anchors: warn, absolute_links: warn, unrecognized_links: warn}" in CONFIG
