"""What the names adapter is trained on beside the data set: word lists and sentences of our own."""
