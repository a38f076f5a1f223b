"""From a film in the spool to its pixels, for whoever scores it."""

from models.images.radiograph import Radiograph
from node.domain.radiograph.film import Film
from node.header.read import require_intact
from node.ports import Predictor
from node.spool.store import FileSpool


def read_pixels(spool: FileSpool, predictor: Predictor, film: Film, spool_key: str) -> Radiograph:
    """Read the pixels of a film whose bytes are those that were received.

    A damaged film must not be scored as if it were none: raises Permanent then, Rejected for what
    cannot be scored, Transient for what may be read later.
    """
    path = spool.path(spool_key)
    require_intact(path, film)
    return predictor.decode(path)
