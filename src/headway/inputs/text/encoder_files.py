"""The files of an encoder of the library transformers, by name or local folder: where they lie, and its tokenizer."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from headway.errors import ConfigError, WeightsError, in_a_line
from headway.inputs.text.tokenizer import padding_of
from headway.system.cache import cache_folder
from headway.system.files import read_file

__all__ = ["OFFSET_PADDING", "encoder_folder", "encoder_tokenizer", "is_encoder", "max_positions"]

# Names on the hub that need no owner before them begin so.
_FAMILIES = ("albert-", "bert-", "camembert-", "distilbert-", "distilroberta-", "electra-", "roberta-", "xlm-roberta-")
# RoBERTa and its kin, whose token for padding this is, count a text's positions from the one after it.
OFFSET_PADDING = 1

_FILES = ("config.json", "model.safetensors", "tokenizer.json")


def is_encoder(name: str) -> bool:
    """Whether a name is that of a folder with a model of transformers, or may be one of the hub's.

    Example:
        >>> is_encoder("distilbert-base-uncased"), is_encoder("microsoft/mpnet-base"), is_encoder("lstm")
        (True, True, False)
    """
    return Path(name).is_dir() or name.startswith(_FAMILIES) or name.count("/") == 1


@lru_cache(maxsize=8)
def encoder_folder(name: str) -> Path:
    """The folder with an encoder's files: `name` itself, one in the cache, or one that the hub's client fetches.

    Raises:
        WeightsError: If it is in none of these places, or a file is missing.
    """
    saved = cache_folder("weights") / name
    folder = next((path for path in (Path(name).expanduser(), saved) if path.is_dir()), None)
    if folder is None:
        from huggingface_hub import snapshot_download

        try:
            folder = Path(snapshot_download(name, allow_patterns=list(_FILES)))
        # The hub's client says in many ways that there is no network, or no such model.
        except Exception as error:
            what = "The text encoder is not on this machine, and cannot be downloaded."
            given = f"{name!r}; looked for the folders {name} and {saved}, then on the hub: {in_a_line(error)}"
            fix = f"Put {', '.join(_FILES[:-1])} and {_FILES[-1]} into one of these folders."
            raise WeightsError(what, given=given, fix=fix) from error
    missing = [file for file in _FILES if not (folder / file).is_file()]
    if missing:
        what = "The folder of the text encoder lacks files."
        fix = "Save model and fast tokenizer there, both with save_pretrained() of transformers."
        raise WeightsError(what, given=f"{folder} without {', '.join(missing)}", fix=fix)
    return folder


def encoder_tokenizer(name: str) -> str:
    """An encoder's own tokenizer, as JSON.

    Raises:
        WeightsError: See `encoder_folder`.
        ConfigError: If it has no token for padding, so that the model is no encoder of texts.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(encoder_folder(name) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    text = tokenizer.to_str()
    if padding_of(text) is None:
        what = "This model's tokenizer has no token for padding, which an encoder of texts needs."
        raise ConfigError(what, given=f"arch={name!r}", fix="Name an encoder, such as distilbert-base-uncased.")
    return text


def max_positions(name: str) -> int:
    """How many tokens an encoder takes at most."""
    config = json.loads(read_file(encoder_folder(name) / "config.json"))
    is_offset = config.get("pad_token_id") == OFFSET_PADDING
    return int(config.get("max_position_embeddings") or 512) - (OFFSET_PADDING + 1 if is_offset else 0)
