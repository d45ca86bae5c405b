"""The HTTP client of deliveries: one POST to anywhere on the internet, whatever answers there.

client -> connecting (names, guard, tls) -> pool -> connection -> reading -> answer
"""
