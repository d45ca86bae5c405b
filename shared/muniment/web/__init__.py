"""The HTTP edge that the command and the query service share: requests in, answers out."""
