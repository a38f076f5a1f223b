"""What the server of processes holds ready: libraries imported, films made. No torch."""

import node.inference.decoding
import node.results.build
import tests.fuzz.corpus

WARM = (node.inference.decoding, node.results.build)
tests.fuzz.corpus.films()
