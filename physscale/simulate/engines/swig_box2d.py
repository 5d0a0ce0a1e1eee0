"""Box2D's module, imported quietly: its SWIG types lack `__module__`, and where warnings are errors
that crashes the interpreter."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import Box2D

__all__ = ["Box2D"]
