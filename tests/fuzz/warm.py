"""What the server of processes holds ready: libraries imported, films made. No torch."""

import node.inference.decoder
import node.results.build
import tests.fuzz.corpus

WARM = (node.inference.decoder, node.results.build)
tests.fuzz.corpus.films()
