"""The up-paths of generator families, sorted by what enlarges their images."""
