from .copies import difference_hash as difference_hash, distinct_files as distinct_files, near_copies as near_copies
from .facts import FileFacts as FileFacts, read_facts as read_facts
from .records import (
    ImageRecord as ImageRecord,
    by_generator as by_generator,
    first_of_each as first_of_each,
    records_sha256 as records_sha256,
)
from .sources import FolderWarning as FolderWarning, index_images as index_images, index_sources as index_sources
