"""Sharing: campaigns that reward who brings buyers, links and touches, attribution, rewards, the network.

Nobody is ever paid for recruiting alone: a reward cites a sale (INV-14), and reaches two levels at most.
"""
