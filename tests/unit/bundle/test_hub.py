"""Bundles on a hub, which here is a server of this machine's own that talks as the Hugging Face hub does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from headway.bundle.format import read_bundle
from headway.bundle.hub import Address, fetch, is_address
from headway.bundle.predictor import load
from headway.bundle.push import card_of, push
from headway.cli import app
from headway.errors import BundleError, ConfigError
from tests.unit.bundle.hub_server import Hub, running_hub

GOLDEN = Path(__file__).parents[2] / "bundles" / "v1.headway"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    with running_hub() as server:
        # The client reads these from the environment when it is imported, which may have been long ago.
        monkeypatch.setattr(constants, "ENDPOINT", server.address)
        template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield server


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf://ada/pets", Address(repo="ada/pets")),
        # As a path has it, which keeps one slash of two.
        ("hf:/ada/pets", Address(repo="ada/pets")),
        ("hf://ada/pets@v2", Address(repo="ada/pets", revision="v2")),
        ("hf://ada/pets.small/int8.headway", Address(repo="ada/pets.small", file="int8.headway")),
        ("hf://ada/pets@v2/sub/int8.headway", Address(repo="ada/pets", revision="v2", file="sub/int8.headway")),
    ],
)
def test_addresses(text: str, address: Address) -> None:
    assert is_address(text)
    assert Address.of(text) == address


@pytest.mark.parametrize(
    "text", ["hf://pets", "hf://", "hf://ada/pets/model.bin", "hf://ada/pets/../x", "hf://a/b/c/d"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError) as error:
        Address.of(text)
    assert str(error.value) == (
        f"That is not the address of a bundle on the hub.\n  Given: {text}\n"
        '  Fix:   Write it as "hf://user/name", or "hf://user/name@revision".'
    )


def test_a_bundle_goes_to_the_hub_and_comes_back(hub: Hub) -> None:
    assert push(GOLDEN, "ada/colours", license="apache-2.0") == "hf://ada/colours"
    assert hub.files["ada/colours"]["model.headway"] == GOLDEN.read_bytes()
    assert hub.private == {"ada/colours": True}
    assert read_bundle(Path("hf://ada/colours")).manifest == read_bundle(GOLDEN).manifest
    assert load("hf://ada/colours").target == load(GOLDEN).target
    # It is asked about each time, and fetched once.
    read = [line for line in hub.asked if "/resolve/" in line]
    assert read == [
        "HEAD /ada/colours/resolve/main/model.headway",
        "GET /ada/colours/resolve/main/model.headway",
        read[0],
    ]


def test_the_page_of_the_repository_is_the_card(hub: Hub) -> None:
    push(GOLDEN, "ada/colours", is_public=True, license="mit")
    assert hub.private == {"ada/colours": False}
    page = hub.files["ada/colours"]["README.md"].decode()
    _, head, text = page.split("---\n", 2)
    known = yaml.safe_load(head)
    assert (known["license"], known["library_name"], known["tags"]) == (
        "mit",
        "headway",
        ["headway", "onnx", "category"],
    )
    assert read_bundle(GOLDEN).files["card.md"].decode().strip() in text
    assert 'hw.load("hf://ada/colours")' in text


def test_the_figures_of_the_report_are_the_model_index() -> None:
    scores = {"accuracy": {"value": 0.75, "low": 0.6}, "auroc": {"value": None, "reason": "too few"}}
    manifest = {"target": {"kind": "category"}, "metrics": {"valid": scores}}
    _, head, _ = card_of(manifest, "# Card", repo="ada/pets").split("---\n", 2)
    (entry,) = yaml.safe_load(head)["model-index"]
    (result,) = entry["results"]
    assert (entry["name"], result["metrics"]) == ("pets", [{"type": "accuracy", "value": 0.75}])
    assert result["dataset"] == {"name": "valid items of the data it was trained on", "type": "own-data"}


def test_the_command(hub: Hub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["headway", "push", str(GOLDEN), "ada/colours", "--json"])
    with pytest.raises(SystemExit) as stopped:
        app()
    assert (stopped.value.code, capsys.readouterr().out) == (0, '{"address": "hf://ada/colours"}\n')
    assert load("hf://ada/colours@main").target.labels == load(GOLDEN).target.labels


def test_a_bundle_goes_from_one_repository_to_another(hub: Hub) -> None:
    push(GOLDEN, "ada/colours")
    assert push("hf://ada/colours", "bob/colours") == "hf://bob/colours"
    assert hub.files["bob/colours"]["model.headway"] == GOLDEN.read_bytes()


def test_an_unsafe_file_is_refused(hub: Hub, tmp_path: Path) -> None:
    hub.files["eve/trap"] = {"model.headway": b"\x80\x04pickle", "model.bin": b"\x80\x04pickle"}
    with pytest.raises(BundleError, match="not a Headway bundle: it is not a zip archive"):
        load("hf://eve/trap")
    broken = tmp_path / "broken.headway"
    broken.write_bytes(GOLDEN.read_bytes()[:-100])
    with pytest.raises(BundleError):
        push(broken, "ada/colours")
    assert "ada/colours" not in hub.files


def test_what_is_not_there(hub: Hub) -> None:
    hub.files["ada/empty"] = {}
    for address, missing in (("hf://ada/none", "ada/none"), ("hf://ada/empty", "ada/empty")):
        with pytest.raises(BundleError) as error:
            fetch(address)
        first, _, last = str(error.value).splitlines()
        assert first == f"No bundle could be fetched from the hub: {missing}, model.headway."
        assert last == "  Fix:   Check the name, the network, and for a private repository HF_TOKEN or `hf auth login`."


def test_without_a_network_what_was_fetched_stays(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    push(GOLDEN, "ada/colours")
    fetched = fetch("hf://ada/colours")
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    asked = len(hub.asked)
    assert fetch("hf://ada/colours") == fetched
    with pytest.raises(BundleError, match=r"^No bundle could be fetched from the hub: ada/others, model\.headway\."):
        fetch("hf://ada/others")
    assert len(hub.asked) == asked


def test_a_name_that_is_no_repository() -> None:
    with pytest.raises(ConfigError) as error:
        push(GOLDEN, "colours")
    assert str(error.value).startswith("That is not the address of a bundle on the hub.\n  Given: hf://colours")
    with pytest.raises(ConfigError) as error:
        push(GOLDEN, "ada/colours@v2")
    assert str(error.value) == (
        'A repository is its owner\'s name and its own.\n  Given: ada/colours@v2\n  Fix:   Such as "ada/pets".'
    )
