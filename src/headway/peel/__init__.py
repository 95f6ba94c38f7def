"""Any run as the code one layer down: a call, the loop, plain PyTorch. Imports torch.

Nothing is imported here: `write` needs all that its templates need, which takes longer than a learner's own imports.
"""
