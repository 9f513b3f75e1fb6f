"""The basket decision: the best lawful combination of coupons for a basket, with every step explained.

Pure and integer only: no database, no clock, no chance. ``judging`` says of each coupon whether the basket
qualifies, ``searching`` finds the combination that takes most off, ``decision`` puts them together and says
why, and ``returning`` says what goes back when goods come back.

How coupons add up is fixed and published. Every percentage and fixed price counts from a line as the till
sent it, never from what another coupon left. First come bundles and free items, of which a piece serves one;
then percentages and fixed prices; then amounts off, which take from what is left; last what lies beside the
goods. Within a step the lower definition, then the lower id comes first. No line goes below zero, and no
combination takes more off than its coupons would alone.
"""
