"""Train a net on a manifest's films or on simulated films, and build a bundle."""
