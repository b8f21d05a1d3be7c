"""The command line with thin networks, as a program: for tests that need processes of their own."""

from __future__ import annotations

from networks import thin_networks

from freqforensics.cli import main

if __name__ == "__main__":
    with thin_networks():
        main()
