from .finding import Finding as Finding
from .inspection import inspect as inspect
