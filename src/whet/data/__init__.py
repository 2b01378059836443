"""From files to examples, and from examples to a split that keeps its promises."""
