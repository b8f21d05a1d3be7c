"""A finding as one page that needs nothing else, and as a folder of page, JSON and figures."""

from freqforensics.report.page import Page, render_index, render_page, write_files, write_report
from freqforensics.report.tour import Chapter, render_tour

__all__ = ["Chapter", "Page", "render_index", "render_page", "render_tour", "write_files", "write_report"]
