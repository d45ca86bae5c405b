"""The query language (contract section 10): parameters, filters, and what they say of an object."""
