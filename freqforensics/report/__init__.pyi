from .builder import Figure as Figure, Report as Report
from .handover import Handover as Handover
from .page import (
    Page as Page,
    render_index as render_index,
    render_page as render_page,
    write_files as write_files,
    write_report as write_report,
)
from .tour import Chapter as Chapter, render_tour as render_tour
