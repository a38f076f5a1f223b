"""The challenger: a second bundle that scores the same films in the background, for comparison."""
