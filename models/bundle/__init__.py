"""Model bundles: card, weights, golden films, combined model, and their verification."""
