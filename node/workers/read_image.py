"""Read a film of the spool into pixels, for the scoring worker and the challenger."""

from models.images.radiograph import Radiograph
from node.domain.radiograph.film import Film
from node.header.read import require_intact
from node.ports import Predictor
from node.spool.store import FileSpool


def read_pixels(spool: FileSpool, predictor: Predictor, film: Film, spool_key: str) -> Radiograph:
    """Return a film's pixels, after a check that its bytes are those that were received.

    Raises Permanent if the bytes have changed, Rejected if the film cannot be scored, Transient if
    it may be readable later.
    """
    path = spool.path(spool_key)
    require_intact(path, film)
    return predictor.decode(path)
