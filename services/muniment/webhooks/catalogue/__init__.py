"""The catalogue of events: each type's JSON Schemas and examples, for who writes receivers."""
