"""The networks, and Grad-CAM."""
