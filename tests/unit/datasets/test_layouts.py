"""Archives that unpack to more than a data set may have."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from headway.datasets import layouts
from headway.errors import DataError
from tests.unit.datasets.test_named import idx_file, tgz


def test_a_file_of_the_usual_size_is_read_whole(tmp_path: Path) -> None:
    labels = np.arange(100, dtype=np.uint8)
    (tmp_path / "a.gz").write_bytes(idx_file(labels))
    np.testing.assert_array_equal(layouts._read_idx(tmp_path / "a.gz"), labels)


@pytest.mark.parametrize("kind", ["gz", "tgz"])
def test_what_unpacks_to_too_much_ends_at_the_limit(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layouts, "MAX_UNPACKED_BYTES", 10**6)
    file = tmp_path / f"a.{kind}"
    file.write_bytes(gzip.compress(bytes(2 * 10**6)) if kind == "gz" else tgz({"a": b"a", "b": bytes(2 * 10**6)}))
    with pytest.raises(DataError) as error:
        layouts._read_idx(file) if kind == "gz" else list(layouts._members(file))
    assert str(error.value) == (
        "A file of the data set unpacks to too much.\n"
        f"  Given: {file}, the limit is 0.0 GB\n"
        "  Fix:   Remove it, so that it is fetched anew."
    )
