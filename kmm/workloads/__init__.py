"""What designs cost, and what kernels can take: work, rather than races.

Reading order: `counting`, `costs`.
"""
