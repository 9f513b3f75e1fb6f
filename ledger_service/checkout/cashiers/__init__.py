"""Who stands at a till: a merchant's cashiers and their PINs.

Owns the table ``cashier_pin``. A PIN says who serves, so that the ``cashier`` of a sale is who typed it; it
opens nothing by itself, since the till's own key does that. Kept and tried as a member's is.
"""
