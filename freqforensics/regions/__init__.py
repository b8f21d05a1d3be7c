"""The photographic region of an image, its views, and the kind of photographs it is compared with."""
