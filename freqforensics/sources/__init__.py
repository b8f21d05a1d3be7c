"""Where images come from: folders, tables and files, with what their places say of each image."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
