"""What of an image is a photograph, and which photographs it is compared with."""
