"""What runs inside the walls, beside the wire: the two zygotes, the inner wall, and a shell that needs no kernel.

A zygote is a warm process that forks: the player's zygote has never held a test, the referee's never runs student
code. Nothing here imports the rest of the package, so nothing else of it has to be visible inside the sandbox.
"""
