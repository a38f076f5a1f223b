"""Imports and films that the fork server loads in advance; torch is not among them."""

import node.inference.decoder
import node.results.build
import tests.fuzz.corpus

WARM = (node.inference.decoder, node.results.build)
tests.fuzz.corpus.films()
