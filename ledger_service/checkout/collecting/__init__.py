"""Rewards for spend over time: receipts that add up give a coupon, and goods that come back take it away.

A sale or a return leaves a mark where its merchant takes such a coupon; a job adds the member's receipts up
again under the member's lock. A receipt serves one reward at most, whatever the definition.
"""
