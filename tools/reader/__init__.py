"""The generated texts that the small reader is trained on and measured by; every word is our own."""
