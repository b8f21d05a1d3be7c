"""A finding as one page that needs nothing else, and as a folder of page, JSON and figures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
