"""Results to figures: one function for each, computing nothing, and the only room that imports matplotlib."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
