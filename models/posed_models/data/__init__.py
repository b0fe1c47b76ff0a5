"""What is learnt from: persons and their joints or outlines, cut out of pictures, changed at random, and decoded again."""
