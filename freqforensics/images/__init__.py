"""What comes in: image files, folders of them, and what is odd about either."""

from freqforensics.images.copies import difference_hash, distinct_files, near_copies
from freqforensics.images.folders import LAYOUTS, FolderWarning, index_images, index_sources
from freqforensics.images.headers import ImageFormat, ImageHeader, read_header
from freqforensics.images.jpeg import JpegTables, read_jpeg_tables
from freqforensics.images.reading import (
    MAX_PIXELS,
    AlphaDroppedWarning,
    ImageReadError,
    ImageReadWarning,
    decode_image,
    read_file,
    read_image,
    shown_path,
)
from freqforensics.images.records import ImageRecord, Label, by_generator, first_of_each, records_sha256

__all__ = [
    "LAYOUTS",
    "MAX_PIXELS",
    "AlphaDroppedWarning",
    "FolderWarning",
    "ImageFormat",
    "ImageHeader",
    "ImageReadError",
    "ImageReadWarning",
    "ImageRecord",
    "JpegTables",
    "Label",
    "by_generator",
    "decode_image",
    "difference_hash",
    "distinct_files",
    "first_of_each",
    "index_images",
    "index_sources",
    "near_copies",
    "read_file",
    "read_header",
    "read_image",
    "read_jpeg_tables",
    "records_sha256",
    "shown_path",
]
