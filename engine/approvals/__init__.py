"""An approval: its data, what can happen to it, how votes add up, whom it calls. Imports asks and authority."""
