"""Films, nets and bundles for osteoporosis scores. This package never imports ``node``."""
