"""What an image file says of itself: EXIF, XMP, IPTC, text chunks, preview and content credentials."""
