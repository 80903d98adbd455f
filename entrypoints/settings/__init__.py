"""What can be set from outside: one model per area, the whole, and the page of the docs made from them."""
