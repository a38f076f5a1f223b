"""Read a film's pixels from the spool, for the scoring worker and the challenger."""

from models.images.radiograph import Radiograph
from node.domain.radiograph.film import Film
from node.header.read import require_intact
from node.ports import Predictor
from node.spool.store import FileSpool


def read_pixels(spool: FileSpool, predictor: Predictor, film: Film, spool_key: str) -> Radiograph:
    """Check that a film's file is unchanged since receipt, and return the film's pixels.

    Raises Permanent for a changed file, Rejected if the film cannot be scored, and Transient if the
    film may be readable later.
    """
    path = spool.path(spool_key)
    require_intact(path, film)
    return predictor.decode(path)
