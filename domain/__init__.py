"""The rules of the product in pure Python: entities, values, events and errors, without any framework."""
