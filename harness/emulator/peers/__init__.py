"""The user and the process at the other end of a connection on this machine's loopback interface.

The kernel answers for the client, so a client needs no secret and cannot claim to be another. Knows nothing of services or HTTP.
"""
