"""The contracts in Python: the same rules, roots, logs and refusals, a hundred times faster than an EVM.

Nothing here decides anything for the product; ``test_model.py`` holds it against the compiled contracts.
"""
