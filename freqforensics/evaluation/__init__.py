"""Questions asked of detectors' scores. What needs torch or scikit-learn is imported when it is first used."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
