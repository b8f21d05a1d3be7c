"""Frequency analysis and interpretability for CNN-generated images.

Names are imported when they are first used, so that importing the package costs next to nothing.

Examples
--------
>>> import freqforensics as ff
>>> spec = ff.SpectrumSpec(size=128, residual="median", kernel=5)
>>> spec.size
(128, 128)
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
