"""A small lesson that uses all that a lesson's file can hold."""

from __future__ import annotations

LESSON = '''"""Run me: python 07_small.py"""

# %% [markdown]
# # A small lesson
# id = 7, layer = "call", minutes = 5, needs = [1, 2]
#
# It promises little.
# %% [markdown]
# ## Predict first {#predict}
# Will it be more than half?  ⟨guess yes | no⟩
#
# And how much?  ⟨guess a number⟩
# %%
from headway.course.claims import claim

share = 3 / 4

# %% tags=["seconds:20"]
claim("share", share, near=0.75, within=0.01)
share
# %% [markdown]
# ## What it says {#says .number}
# It was {share:.0%}, ⟨ask 7.01⟩ and `{share}` is code. ⟨ask 7.02⟩
'''
