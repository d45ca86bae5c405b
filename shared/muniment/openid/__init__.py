"""OpenID Connect: tokens of one issuer, and the login that gets a browser one (AUTH-4, OID-1)."""
