"""Read the header of a received object into a film, without decoding its pixels."""
