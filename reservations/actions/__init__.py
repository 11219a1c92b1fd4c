"""What can be done. Each action is keyword-only, one transaction, with its own refusals, its event written with it."""
