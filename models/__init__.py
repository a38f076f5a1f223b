"""Osteoporosis scores from chest radiographs: films, nets, bundles. Never imports ``node``."""
