"""The gate: check whether an image is an upright frontal chest radiograph."""
