"""Keeps the engine on this machine: it calls only the loopback interface and the addresses that resources declare.

`environment` drops what a shell says about proxies and AWS accounts, `guard` checks every connection of the process,
`declared` names the parts of LocalStack that call an address of the user's choice, `installers` refuses downloads. The
package knows no service's semantics. Functions are not guarded: they are the user's programs, as on AWS.
"""
