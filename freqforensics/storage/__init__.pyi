from .locations import (
    Location as Location,
    as_path as as_path,
    is_address as is_address,
    is_location as is_location,
    split_location as split_location,
)
from .opening import (
    file_size as file_size,
    open_storage as open_storage,
    read_location as read_location,
    read_small as read_small,
)
from .protocol import Entry as Entry, Storage as Storage, StorageError as StorageError
