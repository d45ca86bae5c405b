"""`muniment demo`: real data through a client nobody here wrote, and every promise looked at.

It knows the product from outside only: HTTP, the topic, the webhook, and the command line.
"""
