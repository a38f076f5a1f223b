"""The phrases of reports and heatmaps in each language."""
