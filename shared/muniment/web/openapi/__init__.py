"""The description of the API in OpenAPI 2.0, written from the route table (HB-4)."""
