"""The basket decision: the best lawful combination of coupons for a basket, with every step explained.

Pure and integer only: no database, no clock, no chance. ``judging`` says of each coupon whether the basket
qualifies, ``searching`` finds the combination that takes most off, ``effects`` says what a combination takes
off which line, ``deciding`` puts them together, and ``returning`` gives shares back when goods come back.

How coupons add up is fixed and published. Every percentage counts from a line's amount as the till sent it,
never from what another coupon left; so their order does not matter. First come benefits on pieces (fixed
price, free item, buy and get), of which a piece gets one; then percentages; then amounts off, which take from
what is left; last what lies beside the goods. Within a step the lower definition, then the lower id comes
first. No line goes below zero.
"""
