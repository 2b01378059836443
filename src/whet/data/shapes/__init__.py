"""The record shapes that people bring, and the one record they all become.

``detect`` tells a shape from rows; a ``Shape`` reads a row as a ``Record`` and writes one back, and refuses
what it cannot hold; ``flatten`` makes columns of a record. ``docs/formats.md`` lists the shapes.
"""

from whet.data.shapes.detect import SHAPES, Detected, detect, shape_named
from whet.data.shapes.flat import CLOSED, flat_table, flatten, guessable, opened, read_records, with_columns
from whet.data.shapes.labels import labelled, mapped
from whet.data.shapes.meaning import differences, meaning
from whet.data.shapes.record import Problem, Record
from whet.data.shapes.shape import Shape

__all__ = [
    "CLOSED",
    "SHAPES",
    "Detected",
    "Problem",
    "Record",
    "Shape",
    "detect",
    "differences",
    "flat_table",
    "flatten",
    "guessable",
    "labelled",
    "mapped",
    "meaning",
    "opened",
    "read_records",
    "shape_named",
    "with_columns",
]
