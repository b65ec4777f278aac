"""Work on the batches of a source on all cores, with results in the order of the source."""
