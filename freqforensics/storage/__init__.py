"""Where bytes of images lie: files, members of archives, rows of parquet, remote addresses."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
