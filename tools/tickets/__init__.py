"""The writing of the demo's support tickets: phrases, people, mess and planted faults."""
