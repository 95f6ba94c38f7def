"""Any run as the code one layer down: a call, the loop, plain PyTorch. Imports torch."""

from headway.peel.facts import sha256_of
from headway.peel.write import Peeled, peel

__all__ = ["Peeled", "peel", "sha256_of"]
