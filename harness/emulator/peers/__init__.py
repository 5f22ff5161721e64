"""Who is at the other end of a connection on this machine's loopback interface: the user, and the process.

The kernel answers for the client, so a client needs no secret and cannot claim to be another. Knows nothing of services or HTTP.
"""
