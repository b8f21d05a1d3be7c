from .copies import difference_hash as difference_hash, distinct_files as distinct_files, near_copies as near_copies
from .facts import FileFacts as FileFacts, read_facts as read_facts
from .records import (
    ImageRecord as ImageRecord,
    by_generator as by_generator,
    first_of_each as first_of_each,
    records_sha256 as records_sha256,
)
from .selection import (
    Sources as Sources,
    SourcesLike as SourcesLike,
    as_paths as as_paths,
    as_sources as as_sources,
)
from .shared import SharedReal as SharedReal, real_sides as real_sides
from .sides import label_of_word as label_of_word
from .sources import (
    FolderWarning as FolderWarning,
    image_files as image_files,
    index_images as index_images,
    index_sources as index_sources,
)
