"""One module a command: from sources of images to a result that saves itself in a folder."""
