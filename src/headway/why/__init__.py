"""Why did it crash? `import headway.why` in a script or a notebook saves what is known of a failure.

`headway why` explains it. Nothing changes in how errors are shown.
"""

from __future__ import annotations

from headway.why.hooks import watch

__all__ = ["watch"]

# The one module with an effect on import: a line that is typed after a crash must be as short as possible.
watch()
