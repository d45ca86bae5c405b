"""The query language of lists (contract, section 10): read from a query string, said in SQL."""
