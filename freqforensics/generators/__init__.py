"""Upsampling as CNN generators do it, with the lattice it leaves known in advance.

What needs torch is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
