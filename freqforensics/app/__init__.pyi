from .limits import Limits as Limits, RefusedError as RefusedError
from .port import bind as bind
from .serving import serve as serve
from .session import Session as Session
from .site import create_site as create_site
