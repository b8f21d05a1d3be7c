"""Train a detector, take its training apart, and make its weights ready to ship."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
