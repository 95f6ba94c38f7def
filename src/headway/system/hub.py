"""Whether the Hugging Face hub can be reached."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request

__all__ = ["hub_answers"]


def hub_answers() -> bool:
    """Whether the hub answers within five seconds, whatever it says."""
    # Asked first, since the hub's own client tries for most of a minute, and prints each try.
    from huggingface_hub import constants

    try:
        urllib.request.urlopen(urllib.request.Request(constants.ENDPOINT, method="HEAD"), timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError as error:
        # The hub's client brings certificates of its own.
        return isinstance(getattr(error, "reason", error), ssl.SSLCertVerificationError)
    return True
