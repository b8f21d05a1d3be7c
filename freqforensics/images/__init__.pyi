from .arrays import as_image as as_image, is_array as is_array
from .headers import SUFFIXES as SUFFIXES, read_header as read_header
from .jpeg import JpegTables as JpegTables, luma_table as luma_table, read_jpeg_tables as read_jpeg_tables
from .reading import (
    MAX_PIXELS as MAX_PIXELS,
    AlphaDroppedWarning as AlphaDroppedWarning,
    ImageReadError as ImageReadError,
    ImageReadWarning as ImageReadWarning,
    decode_image as decode_image,
    read_file as read_file,
    read_image as read_image,
    shown_path as shown_path,
)
from .testimony.statements import Statement as Statement
from .testimony.testimony import (
    Testimony as Testimony,
    parse_testimony as parse_testimony,
    read_testimony as read_testimony,
)
