"""A finding as one page that needs nothing else, and as a folder of page, JSON and figures."""

from freqforensics.report.page import Page, render_index, render_page, write_files, write_report

__all__ = ["Page", "render_index", "render_page", "write_files", "write_report"]
