"""Sources of images: folders, tables and files, and the label and generator that they give each image."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
